//! What the two retailers sell. Prices and rates are plausible, not advice on tax.

use invoice::event::TaxCategory::{self, S, Z};

/// How a thing is counted.
#[derive(Clone, Copy)]
pub(crate) enum By {
    /// In pieces, this many at most.
    Piece(u64),
    /// On the scales: grams, at least and at most.
    Gram(u64, u64),
    /// By time: quarters of an hour, at least and at most.
    Quarter(u64, u64),
}

pub(crate) struct Good {
    pub(crate) name: &'static str,
    /// Fils (thousandths of a dinar) before tax.
    pub(crate) fils: u64,
    pub(crate) by: By,
    /// Category and percent; left out by sellers who are not registered for sales tax.
    pub(crate) tax: (TaxCategory, u8),
}

const fn good(name: &'static str, fils: u64, by: By, tax: (TaxCategory, u8)) -> Good {
    Good { name, fils, by, tax }
}

const EXEMPT: (TaxCategory, u8) = (Z, 0);
const FOUR: (TaxCategory, u8) = (S, 4);
const EIGHT: (TaxCategory, u8) = (S, 8);
const TEN: (TaxCategory, u8) = (S, 10);
const FULL: (TaxCategory, u8) = (S, 16);

/// The shop in Amman.
pub(crate) const GROCERIES: &[Good] = &[
    good("خبز عربي كماج", 400, By::Gram(500, 3_000), EXEMPT),
    good("بيض بلدي، طبق 30 حبة", 3_250, By::Piece(3), EXEMPT),
    good("بندورة", 450, By::Gram(400, 4_000), EXEMPT),
    good("خيار بلدي", 600, By::Gram(400, 3_000), EXEMPT),
    good("موز", 990, By::Gram(500, 2_500), EXEMPT),
    good("لحم عجل طازج", 8_900, By::Gram(300, 2_200), EXEMPT),
    good("أرز بسمتي 5 كغم", 6_250, By::Piece(3), FOUR),
    good("سكر أبيض 1 كغم", 625, By::Piece(6), FOUR),
    good("زيت زيتون بكر 1 لتر", 6_731, By::Piece(4), FOUR),
    good("حليب طازج 1 لتر", 1_154, By::Piece(6), FOUR),
    good("جبنة نابلسية بالوزن", 6_250, By::Gram(150, 1_500), FOUR),
    good("لبنة بلدية بالوزن", 4_808, By::Gram(200, 1_200), FOUR),
    good("تمر مجهول بالوزن", 6_500, By::Gram(250, 2_000), FOUR),
    good("مياه معدنية 12 × 500 مل", 1_389, By::Piece(5), EIGHT),
    good("Fruit yoghurt 4 x 125 g", 1_620, By::Piece(4), EIGHT),
    good("دفتر مدرسي 100 ورقة", 682, By::Piece(10), TEN),
    good("شاي أسود 500 غم", 2_155, By::Piece(3), FULL),
    good("قهوة مطحونة بالهيل 250 غم", 2_845, By::Piece(4), FULL),
    good("Ground coffee, dark roast 250 g", 3_233, By::Piece(3), FULL),
    good("Sparkling water 6 x 330 ml", 2_371, By::Piece(4), FULL),
    good("شوكولاتة داكنة 70%", 1_250, By::Piece(6), FULL),
    good("Dishwashing liquid 1 L", 1_078, By::Piece(3), FULL),
    good("حفاضات أطفال 44 قطعة", 7_716, By::Piece(2), FULL),
    good("AA batteries, pack of 4", 2_586, By::Piece(4), FULL),
    good("معجون أسنان 100 مل", 1_509, By::Piece(3), FULL),
    // Characters that XML must not swallow.
    good("عرض «شاي & سكر» <علبتان + 1>", 3_879, By::Piece(2), FULL),
    good("Cleaning set \"Home & Car\"", 5_603, By::Piece(1), FULL),
];

/// The same company's wholesale department.
pub(crate) const WHOLESALE: &[Good] = &[
    good("طحين موحد، كيس 50 كغم", 12_500, By::Piece(80), EXEMPT),
    good("عدس مجروش، كيس 25 كغم", 21_000, By::Piece(40), EXEMPT),
    good("أرز حبة طويلة، كيس 25 كغم", 27_404, By::Piece(60), FOUR),
    good("سكر، كيس 50 كغم", 29_808, By::Piece(40), FOUR),
    good("زيت نباتي، صفيحة 18 لتر", 24_519, By::Piece(30), FOUR),
    good("Tomato paste, carton of 24", 11_111, By::Piece(50), EIGHT),
    good("أقلام وقرطاسية، كرتونة", 18_182, By::Piece(20), TEN),
    good("ورق تصوير A4، كرتونة 5 رزم", 13_362, By::Piece(40), FULL),
    good("LED bulb 9 W, carton of 100", 86_207, By::Piece(10), FULL),
    good("Office chair, mesh back", 58_190, By::Piece(12), FULL),
    good("مناديل ورقية، كرتونة 48 علبة", 15_517, By::Piece(60), FULL),
    good("قهوة خضراء، شوال 60 كغم", 215_517, By::Piece(6), FULL),
    good("Stretch film, pallet roll", 9_483, By::Piece(24), FULL),
];

/// What leaves the country, or goes to a free zone or a development area: zero-rated there.
pub(crate) const ABROAD: &[Good] = &[
    good("Olive oil, extra virgin, 16 kg tin", 92_000, By::Piece(60), FULL),
    good("Medjool dates, 5 kg box", 31_500, By::Piece(120), FULL),
    good("Dead Sea bath salt, carton of 24", 48_000, By::Piece(40), FULL),
    good("زعتر بلدي، كرتونة 10 كغم", 54_250, By::Piece(30), FULL),
];

/// The bakery in Irbid; its owner is not registered for sales tax.
pub(crate) const BAKERY: &[Good] = &[
    good("كنافة نابلسية ناعمة", 7_500, By::Gram(250, 3_000), EXEMPT),
    good("بقلاوة مشكلة", 9_000, By::Gram(250, 2_500), EXEMPT),
    good("معمول بالتمر", 6_000, By::Gram(250, 2_000), EXEMPT),
    good("برازق بالسمسم والفستق", 5_500, By::Gram(200, 1_500), EXEMPT),
    good("كعك بالسمسم", 350, By::Piece(12), EXEMPT),
    good("مناقيش زعتر", 500, By::Piece(20), EXEMPT),
    good("فطيرة سبانخ", 450, By::Piece(20), EXEMPT),
    good("خبز مشروح", 800, By::Gram(500, 4_000), EXEMPT),
    good("Birthday cake, chocolate, 24 cm", 18_000, By::Piece(1), EXEMPT),
    good("Date cookies, gift box 1 kg", 8_500, By::Piece(4), EXEMPT),
];

/// The same owner's catering.
pub(crate) const CATERING: &[Good] = &[
    good("وجبة منسف للشخص", 9_500, By::Piece(120), EXEMPT),
    good("بوفيه فطور للشخص", 6_750, By::Piece(80), EXEMPT),
    good("Coffee break, per person", 4_250, By::Piece(60), EXEMPT),
    good("Lunch box, chicken and rice", 3_900, By::Piece(100), EXEMPT),
    good("صينية حلويات مشكلة", 28_000, By::Piece(10), EXEMPT),
    good("خدمة ضيافة بالساعة", 12_000, By::Quarter(8, 32), EXEMPT),
    good("تأجير طاولة مع كراسي", 7_000, By::Piece(30), EXEMPT),
];
