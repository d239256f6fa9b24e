//! The catalogue's entries about amounts.

use super::{Class, Entry, Pattern, Retry, Text};

/// All of these are mended the same way, for Fawtara computes the amounts itself.
const RECOMPUTE: Text = Text {
    en: "Compare quantities, prices, discounts and rates with the sale and amend what is wrong. If they are right, the \
         rounding or a reading of the taxpayer's settings is in question: keep the message and show it to whoever \
         maintains the settings, then requeue with --reencode.",
    ar: "قارن الكميات والأسعار والخصومات والنسب بعملية البيع وعدِّل الخطأ. إذا كانت صحيحة فالمسألة في التقريب أو في إعدادات \
         المكلف: احتفظ بالرسالة واعرضها على مسؤول الإعدادات، ثم أعد الفاتورة إلى الإرسال مع ‎--reencode.",
};

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        id: "total_general_tax",
        class: Class::Arithmetic,
        retry: Retry::AfterAmending,
        codes: &["totalGeneralTaxesAmount"],
        messages: &["Total General Amount is Not Correct"],
        http: &[],
        meaning: Text {
            en: "The total of the general sales tax is not what the authority computes; any partial sum may be the cause.",
            ar: "مجموع ضريبة المبيعات العامة لا يطابق ما تحسبه الدائرة، وقد يكون السبب أيًّا من المجاميع الجزئية.",
        },
        remedy: RECOMPUTE,
        patterns: &[Pattern::Starts("total general amount is not correct")],
    },
    Entry {
        id: "total_special_tax",
        class: Class::Arithmetic,
        retry: Retry::AfterAmending,
        codes: &["totalSpecialTaxesAmount"],
        messages: &[],
        http: &[],
        meaning: Text {
            en: "The special sales tax of a line or of the document is not what the authority computes.",
            ar: "الضريبة الخاصة في أحد البنود أو في الوثيقة لا تطابق ما تحسبه الدائرة.",
        },
        remedy: RECOMPUTE,
        patterns: &[],
    },
    Entry {
        id: "tax_inclusive_amount",
        class: Class::Arithmetic,
        retry: Retry::AfterAmending,
        codes: &["TaxInclusiveAmount"],
        messages: &[],
        http: &[],
        meaning: Text {
            en: "The total with tax is not what the authority computes. One program met this code when its amounts were \
                 marked JOD instead of JO.",
            ar: "الإجمالي شاملًا الضريبة لا يطابق ما تحسبه الدائرة. صادف أحد البرامج هذا الرمز حين كُتبت عملة المبالغ JOD \
                 بدلًا من JO.",
        },
        remedy: RECOMPUTE,
        patterns: &[],
    },
    Entry {
        id: "payable_amount",
        class: Class::Arithmetic,
        retry: Retry::AfterAmending,
        codes: &["PayableAmount"],
        messages: &[],
        http: &[],
        meaning: Text {
            en: "The amount payable is not what the authority computes. One program met this code when its amounts were \
                 marked JOD instead of JO.",
            ar: "المبلغ المستحق لا يطابق ما تحسبه الدائرة. صادف أحد البرامج هذا الرمز حين كُتبت عملة المبالغ JOD بدلًا من JO.",
        },
        remedy: RECOMPUTE,
        patterns: &[],
    },
    Entry {
        id: "line_tax",
        class: Class::Arithmetic,
        retry: Retry::AfterAmending,
        codes: &["generalInvoiceCalculations"],
        messages: &["Error in general tax amount calculation for general invoice"],
        http: &[],
        meaning: Text {
            en: "The tax of a line is not its base times its rate, or the totals differ from the lines. Rounding to two \
                 decimals causes it; three to nine are needed.",
            ar: "ضريبة أحد البنود لا تساوي أساسها مضروبًا في نسبتها، أو أن المجاميع لا تطابق البنود. التقريب إلى منزلتين \
                 عشريتين يسبب ذلك، والمطلوب من ثلاث إلى تسع منازل.",
        },
        remedy: RECOMPUTE,
        patterns: &[Pattern::Starts("error in general tax amount calculation")],
    },
    Entry {
        id: "negative_discount",
        class: Class::Arithmetic,
        retry: Retry::AfterAmending,
        codes: &["generalInvoiceCalculations"],
        messages: &["discount cannot be negative"],
        http: &[],
        meaning: Text {
            en: "A discount is below zero, if only by the last decimal: rounding did it, mostly with weighed goods.",
            ar: "أحد الخصومات أقل من الصفر ولو في آخر منزلة عشرية، وغالبًا بسبب التقريب في السلع الموزونة.",
        },
        remedy: Text {
            en: "Give a discount of zero or more and amend the invoice.",
            ar: "اجعل الخصم صفرًا أو أكثر ثم عدِّل الفاتورة.",
        },
        patterns: &[Pattern::Starts("discount cannot be negative")],
    },
    Entry {
        id: "calculations",
        class: Class::Arithmetic,
        retry: Retry::AfterAmending,
        codes: &["generalInvoiceCalculations"],
        messages: &[],
        http: &[],
        meaning: Text {
            en: "Some amount of a general sales invoice is not what the authority computes.",
            ar: "أحد مبالغ فاتورة المبيعات العامة لا يطابق ما تحسبه الدائرة.",
        },
        remedy: RECOMPUTE,
        patterns: &[],
    },
];
