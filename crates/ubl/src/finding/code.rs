//! The rules of documents by a stable name, and what each means in English and Arabic. Knows no document.

use std::fmt;

use invoice::FaultCode;
use invoice::rules::Text;

/// Declares the codes once: the variant, its stable name and its texts.
macro_rules! codes {
    ($($variant:ident = $name:literal {
        title: ($title_en:literal, $title_ar:literal),
        explanation: ($explanation_en:literal, $explanation_ar:literal),
        remedy: ($remedy_en:literal, $remedy_ar:literal),
    })+) => {
        /// The rule that a document breaks. New ones may come; none changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum FindingCode {
            /// One of the rules for events, which a document breaks as an event would.
            Rule(FaultCode),
            $(#[doc = $explanation_en] $variant,)+
        }

        impl FindingCode {
            /// Every code of documents alone.
            pub const OWN: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    Self::Rule(code) => code.as_str(),
                    $(Self::$variant => $name,)+
                }
            }

            /// What is wrong, in one sentence.
            #[must_use]
            pub fn title(self) -> Text {
                match self {
                    Self::Rule(code) => code.rule().title,
                    $(Self::$variant => Text { en: $title_en, ar: $title_ar },)+
                }
            }

            /// The rule behind it.
            #[must_use]
            pub fn explanation(self) -> Text {
                match self {
                    Self::Rule(code) => code.rule().explanation,
                    $(Self::$variant => Text { en: $explanation_en, ar: $explanation_ar },)+
                }
            }

            /// How to mend it.
            #[must_use]
            pub fn remedy(self) -> Text {
                match self {
                    Self::Rule(code) => code.rule().remedy,
                    $(Self::$variant => Text { en: $remedy_en, ar: $remedy_ar },)+
                }
            }
        }
    };
}

codes! {
    OpeningTag = "opening_tag" {
        title: (
            "The opening tag is broken over lines",
            "وسم الافتتاح موزّع على أكثر من سطر"
        ),
        explanation: (
            "The opening <Invoice …> tag with its namespaces must stand on one line; the authority answers \"Invalid Invoice Minification\" otherwise.",
            "يجب أن يكون وسم الافتتاح <Invoice …> مع مساحات الأسماء كلها في سطر واحد، وإلا أجابت الدائرة «Invalid Invoice Minification»."
        ),
        remedy: (
            "Write the whole opening tag on one line.",
            "اكتب وسم الافتتاح كاملاً في سطر واحد."
        ),
    }
    UnknownElement = "unknown_element" {
        title: (
            "The profile has no such element here",
            "لا يعرف الملف الأردني عنصراً كهذا في هذا الموضع"
        ),
        explanation: (
            "The guide lists every element of a document; others are passed over at best, and their content never arrives.",
            "يحدد الدليل كل عناصر المستند، وما عداها يُهمل في أحسن الأحوال ولا يصل محتواه."
        ),
        remedy: (
            "Leave the element out, unless you know that the authority takes it.",
            "احذف العنصر إلا إذا كنت متأكداً من أن الدائرة تقبله."
        ),
    }
    MisplacedElement = "misplaced_element" {
        title: (
            "The element stands in the wrong place among its neighbours",
            "العنصر في غير ترتيبه بين العناصر المجاورة"
        ),
        explanation: (
            "UBL 2.1 fixes the order of elements; a document in another order fails the schema (XSD_INVALID).",
            "يفرض UBL 2.1 ترتيباً ثابتاً للعناصر، والمستند الذي يخالفه يفشل في فحص المخطط (XSD_INVALID)."
        ),
        remedy: (
            "Put the elements into the order of the guide.",
            "رتّب العناصر كما وردت في الدليل."
        ),
    }
    RepeatedElement = "repeated_element" {
        title: (
            "The element stands more than once",
            "العنصر مكرر"
        ),
        explanation: (
            "The profile has this element once in its place.",
            "يرد هذا العنصر في موضعه مرة واحدة فقط."
        ),
        remedy: (
            "Keep one of them.",
            "أبقِ واحداً منها فقط."
        ),
    }
    MissingElement = "missing_element" {
        title: (
            "The element is missing",
            "العنصر غير موجود"
        ),
        explanation: (
            "The guide has this element in every document of this kind and family.",
            "يوجب الدليل هذا العنصر في كل مستند من هذا النوع والفئة."
        ),
        remedy: (
            "Add the element.",
            "أضف العنصر."
        ),
    }
    NotInFamily = "not_in_family" {
        title: (
            "Documents of this kind and family do not have this element",
            "لا يرد هذا العنصر في مستندات هذا النوع والفئة"
        ),
        explanation: (
            "Income documents carry no tax, invoices no reference to an original, and only some returns a base quantity (guide v1.5).",
            "فواتير الدخل بلا ضريبة، والفواتير الجديدة بلا إشارة إلى فاتورة أصلية، ولا ترد الكمية الأساسية إلا في بعض الإرجاعات (الدليل 1.5)."
        ),
        remedy: (
            "Leave the element out, or correct the type code.",
            "احذف العنصر أو صحّح رمز نوع الفاتورة."
        ),
    }
    StrayText = "stray_text" {
        title: (
            "Text stands between elements",
            "نص شارد بين العناصر"
        ),
        explanation: (
            "Only the innermost elements hold text; anything else fails the schema.",
            "النص لا يرد إلا في العناصر الداخلية، وما عدا ذلك يفشل في فحص المخطط."
        ),
        remedy: (
            "Remove the text.",
            "احذف النص."
        ),
    }
    FixedText = "fixed_text" {
        title: (
            "The text is not the one that the guide fixes",
            "النص ليس النص الثابت الذي يحدده الدليل"
        ),
        explanation: (
            "Some elements hold one and the same text in every document.",
            "لبعض العناصر نص واحد ثابت في كل المستندات."
        ),
        remedy: (
            "Write the text as the guide has it.",
            "اكتب النص كما ورد في الدليل."
        ),
    }
    FixedAttribute = "fixed_attribute" {
        title: (
            "The attribute is not the one that the guide fixes",
            "قيمة الخاصية ليست القيمة الثابتة التي يحددها الدليل"
        ),
        explanation: (
            "Units, code lists and schemes are fixed by the guide.",
            "الوحدات وقوائم الرموز ثابتة في الدليل."
        ),
        remedy: (
            "Write the attribute as the guide has it.",
            "اكتب الخاصية كما وردت في الدليل."
        ),
    }
    CurrencyId = "currency_id" {
        title: (
            "An amount has another currencyID",
            "قيمة currencyID للمبلغ مختلفة"
        ),
        explanation: (
            "Every amount carries currencyID=\"JO\", whatever the currency of the document; other codes have been refused as wrong totals.",
            "كل مبلغ يحمل currencyID=\"JO\" مهما كانت عملة المستند، وقد رُفضت رموز أخرى على أنها مجاميع خاطئة."
        ),
        remedy: (
            "Write currencyID=\"JO\" on every amount.",
            "اكتب currencyID=\"JO\" على كل مبلغ."
        ),
    }
    DifferentCurrencies = "different_currencies" {
        title: (
            "The two currency codes differ",
            "رمزا العملة مختلفان"
        ),
        explanation: (
            "DocumentCurrencyCode and TaxCurrencyCode hold the same code; there is no exchange rate in a document.",
            "يحمل DocumentCurrencyCode وTaxCurrencyCode الرمز نفسه، ولا سعر صرف في المستند."
        ),
        remedy: (
            "Write the same code into both.",
            "اكتب الرمز نفسه في كليهما."
        ),
    }
    UnknownCode = "unknown_code" {
        title: (
            "The code is none of those that may stand here",
            "الرمز ليس من الرموز المسموح بها هنا"
        ),
        explanation: (
            "Type codes, categories, kinds of identification and governorates are closed lists in the guide.",
            "رموز الأنواع وفئات الضريبة وأنواع التعريف والمحافظات قوائم مغلقة في الدليل."
        ),
        remedy: (
            "Take a code from the list.",
            "اختر رمزاً من القائمة."
        ),
    }
    NotADate = "not_a_date" {
        title: (
            "Not a date of the form yyyy-mm-dd",
            "ليس تاريخاً بالصيغة yyyy-mm-dd"
        ),
        explanation: (
            "Dates are written as year, month, day with hyphens, and must exist.",
            "يكتب التاريخ سنة ثم شهراً ثم يوماً بينها شرطات، ويجب أن يكون تاريخاً موجوداً."
        ),
        remedy: (
            "Write the date as yyyy-mm-dd.",
            "اكتب التاريخ بالصيغة yyyy-mm-dd."
        ),
    }
    NotANumber = "not_a_number" {
        title: (
            "Not a decimal number",
            "ليس عدداً عشرياً"
        ),
        explanation: (
            "Amounts, quantities and percents are decimals with a point, without exponent or grouping.",
            "المبالغ والكميات والنسب أعداد عشرية بالنقطة بلا أسّ ولا فواصل للآلاف."
        ),
        remedy: (
            "Write digits with at most one point.",
            "اكتب أرقاماً بنقطة عشرية واحدة على الأكثر."
        ),
    }
    NotAWholeNumber = "not_a_whole_number" {
        title: (
            "Not a whole number",
            "ليس عدداً صحيحاً"
        ),
        explanation: (
            "Line numbers and the invoice counter are whole numbers from 1.",
            "أرقام البنود وعدّاد الفواتير أعداد صحيحة تبدأ من 1."
        ),
        remedy: (
            "Write a whole number.",
            "اكتب عدداً صحيحاً."
        ),
    }
    UuidForm = "uuid_form" {
        title: (
            "Not a UUID by RFC 4122",
            "ليس معرّفاً UUID بصيغة RFC 4122"
        ),
        explanation: (
            "The authority does not check the form, but number and UUID together are the key of a document for ever.",
            "لا تفحص الدائرة الصيغة، لكن الرقم والمعرّف معاً هما مفتاح المستند إلى الأبد."
        ),
        remedy: (
            "Use a UUID of version 4 in small letters; never change that of a document that was sent.",
            "استخدم معرّفاً من الإصدار الرابع بأحرف صغيرة، ولا تغيّر معرّف مستند أُرسل."
        ),
    }
    GroupedTotal = "grouped_total" {
        title: (
            "The total of the original is grouped by commas",
            "مجموع الفاتورة الأصلية مكتوب بفواصل للآلاف"
        ),
        explanation: (
            "DocumentDescription holds the bare number.",
            "يحمل DocumentDescription العدد مجرداً."
        ),
        remedy: (
            "Write the number without commas.",
            "اكتب العدد بلا فواصل."
        ),
    }
    ReturnBuyer = "return_buyer" {
        title: (
            "A return without its buyer",
            "إرجاع بلا بيانات المشتري"
        ),
        explanation: (
            "The buyer of a return must equal the buyer of the original; an empty block has been refused since May 2026 where the original had one.",
            "يجب أن يطابق مشتري الإرجاع مشتري الفاتورة الأصلية، والبيانات الفارغة تُرفض منذ أيار 2026 إذا كان للأصل مشترٍ."
        ),
        remedy: (
            "Copy the buyer of the original unchanged.",
            "انسخ بيانات المشتري من الفاتورة الأصلية كما هي."
        ),
    }
    Return = "is_a_return" {
        title: (
            "The document is a return itself",
            "المستند نفسه إرجاع"
        ),
        explanation: (
            "A return takes back an invoice, never another return.",
            "الإرجاع يكون لفاتورة، لا لإرجاع آخر."
        ),
        remedy: (
            "Name the invoice.",
            "اذكر الفاتورة الأصلية."
        ),
    }
    Amount = "amount_differs" {
        title: (
            "The amount is not what its formula gives",
            "المبلغ لا يساوي ناتج معادلته"
        ),
        explanation: (
            "The authority recomputes every sum; the guide allows a difference of 0.001 at most, which is a warning here.",
            "تعيد الدائرة حساب كل مجموع، ويسمح الدليل بفرق لا يتجاوز 0.001 وهو هنا تنبيه فقط."
        ),
        remedy: (
            "Compute every amount from unrounded operands and round it once.",
            "احسب كل مبلغ من قيم غير مدوّرة ثم دوّره مرة واحدة."
        ),
    }
}

impl fmt::Display for FindingCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_speaks_both_languages_and_none_is_a_rules_too() {
        let mut names: Vec<_> = FaultCode::ALL.iter().map(|code| code.as_str()).collect();
        for code in FindingCode::OWN {
            assert!(!names.contains(&code.as_str()), "{code} twice");
            names.push(code.as_str());
            for text in [code.title(), code.explanation(), code.remedy()] {
                let arabic = |c: char| ('\u{621}'..='\u{64a}').contains(&c);
                assert!(!text.en.contains(arabic) && text.ar.contains(arabic), "{code}");
            }
        }
    }
}
