//! The words that cells may hold, in both languages. Matched without regard to case, blanks, vowel signs and the forms of alif.

use invoice::event::{Family, Governorate, IdentificationScheme, Kind, Payment, Prices, Scope, TaxCategory};

/// Words and what they mean; the first of each meaning is the one that messages name.
pub(super) type Words<T> = &'static [(&'static str, T)];

pub(super) const KINDS: Words<Kind> = &[
    ("invoice", Kind::Invoice),
    ("فاتورة", Kind::Invoice),
    ("return", Kind::Return),
    ("مرتجع", Kind::Return),
    ("إرجاع", Kind::Return),
    ("فاتورة إرجاع", Kind::Return),
    ("credit note", Kind::Return),
];

pub(super) const FAMILIES: Words<Family> = &[
    ("income", Family::Income),
    ("دخل", Family::Income),
    ("ضريبة الدخل", Family::Income),
    ("general_sales", Family::GeneralSales),
    ("general", Family::GeneralSales),
    ("مبيعات عامة", Family::GeneralSales),
    ("ضريبة المبيعات العامة", Family::GeneralSales),
    ("special_sales", Family::SpecialSales),
    ("special", Family::SpecialSales),
    ("مبيعات خاصة", Family::SpecialSales),
    ("ضريبة المبيعات الخاصة", Family::SpecialSales),
];

pub(super) const SCOPES: Words<Scope> = &[
    ("local", Scope::Local),
    ("محلي", Scope::Local),
    ("محلية", Scope::Local),
    ("export", Scope::Export),
    ("تصدير", Scope::Export),
    ("development_area", Scope::DevelopmentArea),
    ("منطقة تنموية", Scope::DevelopmentArea),
    ("مناطق تنموية", Scope::DevelopmentArea),
    ("transit", Scope::Transit),
    ("عبور", Scope::Transit),
    ("ترانزيت", Scope::Transit),
    ("foreign_trade", Scope::ForeignTrade),
    ("تجارة خارجية", Scope::ForeignTrade),
    ("free_zone", Scope::FreeZone),
    ("منطقة حرة", Scope::FreeZone),
    ("مناطق حرة", Scope::FreeZone),
];

pub(super) const PAYMENTS: Words<Payment> = &[
    ("cash", Payment::Cash),
    ("نقدي", Payment::Cash),
    ("نقدية", Payment::Cash),
    ("نقدا", Payment::Cash),
    ("receivable", Payment::Receivable),
    ("credit", Payment::Receivable),
    ("ذمم", Payment::Receivable),
    ("آجل", Payment::Receivable),
];

pub(super) const PRICES: Words<Prices> = &[
    ("net", Prices::Net),
    ("قبل الضريبة", Prices::Net),
    ("غير شاملة الضريبة", Prices::Net),
    ("tax_included", Prices::TaxIncluded),
    ("شاملة الضريبة", Prices::TaxIncluded),
    ("شامل الضريبة", Prices::TaxIncluded),
];

pub(super) const CATEGORIES: Words<TaxCategory> = &[
    ("S", TaxCategory::S),
    ("خاضع", TaxCategory::S),
    ("خاضعة", TaxCategory::S),
    ("Z", TaxCategory::Z),
    ("exempt", TaxCategory::Z),
    ("معفى", TaxCategory::Z),
    ("معفاة", TaxCategory::Z),
    ("O", TaxCategory::O),
    ("zero", TaxCategory::O),
    ("نسبة الصفر", TaxCategory::O),
    ("صفرية", TaxCategory::O),
];

pub(super) const SCHEMES: Words<IdentificationScheme> = &[
    ("NIN", IdentificationScheme::NIN),
    ("رقم وطني", IdentificationScheme::NIN),
    ("الرقم الوطني", IdentificationScheme::NIN),
    ("PN", IdentificationScheme::PN),
    ("رقم شخصي", IdentificationScheme::PN),
    ("الرقم الشخصي", IdentificationScheme::PN),
    ("جواز سفر", IdentificationScheme::PN),
    ("TN", IdentificationScheme::TN),
    ("رقم ضريبي", IdentificationScheme::TN),
    ("الرقم الضريبي", IdentificationScheme::TN),
];

pub(super) const GOVERNORATES: Words<Governorate> = &[
    ("AM", Governorate::Amman),
    ("Amman", Governorate::Amman),
    ("عمان", Governorate::Amman),
    ("العاصمة", Governorate::Amman),
    ("BA", Governorate::Balqa),
    ("Balqa", Governorate::Balqa),
    ("البلقاء", Governorate::Balqa),
    ("MN", Governorate::Maan),
    ("Ma'an", Governorate::Maan),
    ("Maan", Governorate::Maan),
    ("معان", Governorate::Maan),
    ("MD", Governorate::Madaba),
    ("Madaba", Governorate::Madaba),
    ("مادبا", Governorate::Madaba),
    ("MA", Governorate::Mafraq),
    ("Mafraq", Governorate::Mafraq),
    ("المفرق", Governorate::Mafraq),
    ("KA", Governorate::Karak),
    ("Karak", Governorate::Karak),
    ("الكرك", Governorate::Karak),
    ("JA", Governorate::Jerash),
    ("Jerash", Governorate::Jerash),
    ("جرش", Governorate::Jerash),
    ("IR", Governorate::Irbid),
    ("Irbid", Governorate::Irbid),
    ("إربد", Governorate::Irbid),
    ("AZ", Governorate::Zarqa),
    ("Zarqa", Governorate::Zarqa),
    ("الزرقاء", Governorate::Zarqa),
    ("AT", Governorate::Tafilah),
    ("Tafilah", Governorate::Tafilah),
    ("الطفيلة", Governorate::Tafilah),
    ("AQ", Governorate::Aqaba),
    ("Aqaba", Governorate::Aqaba),
    ("العقبة", Governorate::Aqaba),
    ("AJ", Governorate::Ajloun),
    ("Ajloun", Governorate::Ajloun),
    ("عجلون", Governorate::Ajloun),
];

/// What `text` means among `words`.
pub(super) fn find<T: Copy>(words: Words<T>, text: &str) -> Option<T> {
    let wanted = normal(text);
    words.iter().find(|(word, _)| normal(word) == wanted).map(|(_, meaning)| *meaning)
}

/// The first Arabic word for what `text` means among `words`.
pub(super) fn arabic<T: Copy + PartialEq>(words: Words<T>, text: &str) -> Option<&'static str> {
    let wanted = find(words, text)?;
    words.iter().find(|(word, meaning)| *meaning == wanted && !word.is_ascii()).map(|(word, _)| *word)
}

/// A word as it is compared: small letters, one form of alif, ya and ta marbuta, no vowel signs, no stretching, no marks of direction,
/// single blanks for anything between words.
pub(super) fn normal(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    for c in text.chars() {
        let c = match c {
            '\u{64b}'..='\u{652}' | '\u{640}' => continue,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
                continue;
            }
            'أ' | 'إ' | 'آ' => 'ا',
            'ى' => 'ي',
            'ة' => 'ه',
            '_' | '-' | '\u{a0}' => ' ',
            c if c.is_whitespace() => ' ',
            c => c.to_ascii_lowercase(),
        };
        if c != ' ' || !(normal.is_empty() || normal.ends_with(' ')) {
            normal.push(c);
        }
    }
    normal.truncate(normal.trim_end().len());
    normal
}
