//! The catalogue's entries about a document's form and type.

use super::{Class, Entry, Pattern, Retry, Text};

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        id: "xsd_valid",
        class: Class::Information,
        retry: Retry::NotNeeded,
        codes: &["XSD_VALID"],
        messages: &["Complied with UBL 2.1 standards"],
        http: &[],
        meaning: Text {
            en: "The document is well-formed UBL 2.1. This is information, which also accompanies refusals.",
            ar: "الوثيقة مطابقة لمخطط UBL 2.1. هذه معلومة فقط، وقد ترافق رسائل الرفض أيضًا.",
        },
        remedy: Text {
            en: "Nothing. If the document was refused, look at the other messages.",
            ar: "لا إجراء مطلوب. إذا كانت الوثيقة مرفوضة فانظر إلى الرسائل الأخرى.",
        },
        patterns: &[Pattern::Starts("complied with ubl 2.1 standards")],
    },
    Entry {
        id: "xsd_invalid",
        class: Class::Schema,
        retry: Retry::AfterAmending,
        codes: &["XSD_INVALID"],
        messages: &["Schema validation failed; XML does not comply with UBL 2.1 standards"],
        http: &[],
        meaning: Text {
            en: "The XML breaks the UBL 2.1 schema: an element is out of order, missing or of the wrong type.",
            ar: "ملف XML يخالف مخطط UBL 2.1: عنصر في غير موضعه، أو ناقص، أو من نوع غير صحيح.",
        },
        remedy: Text {
            en: "Documents that Fawtara writes comply with the schema, so show this one to whoever maintains it; for \
                 XML that came ready-made, have the program that wrote it corrected.",
            ar: "الوثائق التي يكتبها «فوترة» مطابقة للمخطط، لذا اعرض هذه الحالة على مسؤول النظام. أما إذا وردت الوثيقة \
                 جاهزة بصيغة XML فيُصحَّح البرنامج الذي أنشأها.",
        },
        patterns: &[Pattern::Starts("schema validation failed")],
    },
    Entry {
        id: "minification",
        class: Class::Schema,
        retry: Retry::AfterAmending,
        codes: &[],
        messages: &["Invalid Invoice Minification"],
        http: &[],
        meaning: Text {
            en: "The opening tag of the document is broken over several lines or wrongly written.",
            ar: "وسم البداية في الوثيقة موزَّع على أكثر من سطر أو مكتوب بصورة غير صحيحة.",
        },
        remedy: Text {
            en: "Write the whole opening <Invoice …> tag on one line. Fawtara always does; for XML that came ready-made, \
                 have the program that wrote it corrected.",
            ar: "يُكتب وسم البداية <Invoice …> كاملًا في سطر واحد. «فوترة» يكتبه كذلك دائمًا، أما الوثيقة الجاهزة \
                 فيُصحَّح البرنامج الذي أنشأها.",
        },
        patterns: &[Pattern::Starts("invalid invoice minification")],
    },
    Entry {
        id: "type_code",
        class: Class::TypeOrPercent,
        retry: Retry::AfterAmending,
        codes: &["invoiceTypeCode"],
        messages: &[],
        http: &[],
        meaning: Text {
            en: "The type code, or its three digits for scope, payment and family, is not accepted for this taxpayer.",
            ar: "رمز نوع الفاتورة، أو خاناته الثلاث (النطاق وطريقة الدفع وفئة الضريبة)، غير مقبول لهذا المكلف.",
        },
        remedy: Text {
            en: "Check scope, payment kind and family of the invoice against the taxpayer's registration; amend the \
                 invoice, or correct the family of the income source.",
            ar: "طابِق نطاق الفاتورة وطريقة الدفع وفئتها مع تسجيل المكلف، ثم عدِّل الفاتورة أو صحِّح فئة مصدر الدخل.",
        },
        patterns: &[],
    },
    Entry {
        id: "zero_percent_category",
        class: Class::TypeOrPercent,
        retry: Retry::AfterAmending,
        codes: &[],
        messages: &["General tax percentage must be zero"],
        http: &[],
        meaning: Text {
            en: "A line's rate and category contradict each other: a line at 0 percent must be zero-rated (category O) or \
                 exempt (Z), never standard (S); scopes other than local allow category O at 0 percent only.",
            ar: "نسبة الضريبة لا توافق رمز فئتها في أحد البنود: البند بنسبة صفر يجب أن يكون خاضعًا لنسبة الصفر (O) أو معفى \
                 (Z) لا خاضعًا للنسبة العامة (S)، والنطاقات غير المحلية لا تقبل إلا الفئة O بنسبة صفر.",
        },
        remedy: Text {
            en: "Correct the tax of the line (S with a rate, Z exempt, O zero) or the scope, and amend the invoice.",
            ar: "صحِّح ضريبة البند (S مع نسبة، أو Z للمعفى، أو O للصفر) أو نطاق الفاتورة، ثم عدِّل الفاتورة.",
        },
        patterns: &[Pattern::Starts("general tax percentage must be zero")],
    },
    Entry {
        id: "duplicate_line_number",
        class: Class::DuplicateLine,
        retry: Retry::AfterAmending,
        codes: &[],
        messages: &["The ID number must be unique"],
        http: &[],
        meaning: Text {
            en: "Two lines of the document have the same number.",
            ar: "بندان في الوثيقة يحملان الرقم نفسه.",
        },
        remedy: Text {
            en: "Give each line a number of its own and amend the invoice.",
            ar: "أعطِ كل بند رقمًا خاصًا به ثم عدِّل الفاتورة.",
        },
        patterns: &[Pattern::Starts("the id number must be unique")],
    },
];
