//! Who sells and who buys. Nobody here exists; every number is made up.

use invoice::event::Governorate::{self, Amman, Aqaba, Balqa, Irbid, Jerash, Karak, Madaba, Zarqa};
use invoice::event::IdentificationScheme::{self, NIN, PN, TN};
use invoice::event::{Buyer, Family, Identification, Seller};

use crate::dice::Dice;
use crate::goods::{BAKERY, CATERING, GROCERIES, Good, WHOLESALE};

/// One income source of one of the two sellers.
pub(crate) struct Shop {
    /// The numbers of its invoices begin so.
    pub(crate) prefix: &'static str,
    pub(crate) tax_number: &'static str,
    pub(crate) seller: &'static str,
    pub(crate) income_source: &'static str,
    pub(crate) family: Family,
    pub(crate) goods: &'static [Good],
    /// Cash sales of a hundred.
    pub(crate) cash: u64,
    /// Sales out of a hundred whose buyer is known, among the cash sales.
    pub(crate) named: u64,
    pub(crate) lines_most: u64,
    /// Whether its till writes amounts as JSON numbers and leaves the UUID to Fawtara.
    pub(crate) simple_till: bool,
}

const COMPANY: &str = "شركة بيت المونة للتجارة ذ.م.م";
const BAKER: &str = "مخبز وحلويات سنابل إربد";

pub(crate) const SHOPS: [Shop; 4] = [
    Shop {
        prefix: "AMM-26-",
        tax_number: "10203040",
        seller: COMPANY,
        income_source: "1111001",
        family: Family::GeneralSales,
        goods: GROCERIES,
        cash: 92,
        named: 12,
        lines_most: 9,
        simple_till: false,
    },
    Shop {
        prefix: "WHS-26-",
        tax_number: "10203040",
        seller: COMPANY,
        income_source: "1111002",
        family: Family::GeneralSales,
        goods: WHOLESALE,
        cash: 15,
        named: 100,
        lines_most: 6,
        simple_till: false,
    },
    Shop {
        prefix: "IRB-26-",
        tax_number: "50607080",
        seller: BAKER,
        income_source: "2222001",
        family: Family::Income,
        goods: BAKERY,
        cash: 97,
        named: 8,
        lines_most: 5,
        simple_till: true,
    },
    Shop {
        prefix: "CAT-26-",
        tax_number: "50607080",
        seller: BAKER,
        income_source: "2222002",
        family: Family::Income,
        goods: CATERING,
        cash: 35,
        named: 100,
        lines_most: 4,
        simple_till: false,
    },
];

impl Shop {
    pub(crate) fn seller(&self) -> Seller {
        Seller {
            tax_number: self.tax_number.to_owned(),
            name: self.seller.to_owned(),
            income_source: self.income_source.to_owned(),
        }
    }
}

const PEOPLE: [(&str, IdentificationScheme); 14] = [
    ("ليلى عبد الرحمن", NIN),
    ("محمد خالد العمري", NIN),
    ("رنا يوسف حداد", NIN),
    ("عبد الله أحمد الزعبي", NIN),
    ("سارة محمود النجار", NIN),
    ("Omar Haddad", NIN),
    ("هبة الله سمير", NIN),
    ("يزن مأمون الكردي", NIN),
    ("Anna Lindqvist", PN),
    ("James O'Connor & family", PN),
    ("فاطمة الزهراء بن علي", PN),
    ("نور الدين قاسم", NIN),
    ("Dina Khoury", NIN),
    ("خليل إبراهيم السعدي", NIN),
];

const FIRMS: [(&str, Governorate, &str); 14] = [
    ("سوبرماركت الزرقاء الجديدة", Zarqa, "13110"),
    ("مطعم أبو جبارة للمأكولات الشعبية", Amman, "11118"),
    ("فندق وادي رم", Aqaba, "77110"),
    ("Petra Guest House", Amman, "11183"),
    ("Levant Offices & Services LLC", Amman, "11194"),
    ("مدارس جرش الحديثة", Jerash, "26110"),
    ("مستشفى الكرك الأهلي", Karak, "61110"),
    ("بقالة أم قيس", Irbid, "21110"),
    ("شركة السلط للمواد الغذائية", Balqa, "19110"),
    ("Madaba Mosaics Workshop", Madaba, "17110"),
    ("صيدلية الشفاء", Irbid, "21166"),
    ("Jordan Valley Farms", Balqa, "19117"),
    ("مكتبة جبل عمّان", Amman, "11181"),
    ("جمعية سيدات عجلون التعاونية", Governorate::Ajloun, "26810"),
];

/// Buyers outside the customs territory; a free zone counts as such.
pub(crate) const FOREIGN: [&str; 4] = [
    "Nordic Fine Foods AB",
    "Al Rafidain Trading, Baghdad",
    "مؤسسة الخليج للتجارة - الدمام",
    "Maison d'Orient SARL",
];

/// A buyer in a development area that the authority knows.
pub(crate) const DEVELOPMENT_FIRM: (&str, &str) =
    ("مصنع الواحة للصناعات الغذائية - مدينة الحسين التنموية", "30405060");

/// A private person.
pub(crate) fn person(dice: &mut Dice) -> Buyer {
    let (name, scheme) = *dice.pick(&PEOPLE);
    let number = match scheme {
        PN => format!("{}", dice.between(500_000_000, 599_999_999)),
        NIN | TN => format!("9{}", dice.between(600_000_000, 999_999_999)),
    };
    let known = dice.chance(70);
    Buyer {
        name: Some(name.to_owned()),
        identification: known.then_some(Identification { scheme, number }),
        postal_code: None,
        governorate: dice.chance(50).then_some(Amman),
        phone: dice.chance(60).then(|| phone(dice)),
    }
}

/// A company.
pub(crate) fn firm(dice: &mut Dice) -> Buyer {
    let (name, governorate, postal_code) = *dice.pick(&FIRMS);
    // The same company has the same tax number wherever it buys.
    let number = name.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 70_000_000);
    Buyer {
        name: Some(name.to_owned()),
        identification: Some(Identification { scheme: TN, number: format!("{}", 20_000_000 + number) }),
        postal_code: Some(postal_code.to_owned()),
        governorate: Some(governorate),
        phone: Some(phone(dice)),
    }
}

/// As people write them; 79 000 belongs to nobody.
fn phone(dice: &mut Dice) -> String {
    let last = dice.between(1_000, 9_999);
    match dice.below(4) {
        0 => format!("079000{last}"),
        1 => format!("+962 79 000 {last}"),
        2 => format!("00962-79-000-{last}"),
        _ => format!("079000{last}").chars().map(arabic_digit).collect(),
    }
}

fn arabic_digit(c: char) -> char {
    c.to_digit(10).and_then(|digit| char::from_u32(0x660 + digit)).unwrap_or(c)
}
