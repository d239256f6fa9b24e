//! The catalogue's entries about seller, buyer and returns.

use super::{Class, Entry, Pattern, Retry, Text};

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        id: "family_not_authorised",
        class: Class::Identity,
        retry: Retry::AfterMending,
        codes: &["invoice-persist"],
        messages: &["invoice: This user is not authorized to submit this type of invoice."],
        http: &[],
        meaning: Text {
            en: "The family of the document (income, general or special sales) does not fit the taxpayer's registration \
                 or the linked income source.",
            ar: "فئة الفاتورة (دخل، أو مبيعات عامة، أو مبيعات خاصة) لا توافق تسجيل المكلف أو مصدر الدخل المرتبط.",
        },
        remedy: Text {
            en: "Check on the portal what the taxpayer and the income source are registered for. If the document is wrong, \
                 amend it; if the link or the registration was, have it mended and requeue with the same bytes.",
            ar: "تحقق في البوابة من تسجيل المكلف ومصدر الدخل. إذا كان الخطأ في الفاتورة فعدِّلها، وإذا كان في الربط أو \
                 التسجيل فيُصحَّح ثم تُعاد الفاتورة نفسها إلى الإرسال.",
        },
        patterns: &[
            Pattern::Starts("invoice: this user is not authorized to submit this type of invoice"),
            Pattern::Starts("this user is not authorized to submit this type of invoice"),
        ],
    },
    Entry {
        id: "persist",
        class: Class::Unknown,
        retry: Retry::AfterMending,
        codes: &["invoice-persist"],
        messages: &[],
        http: &[],
        meaning: Text {
            en: "The authority could not store the document; the message says why, in words that are not known here.",
            ar: "لم تتمكن الدائرة من حفظ الوثيقة، والرسالة تبين السبب بعبارة غير معروفة هنا.",
        },
        remedy: Text {
            en: "Read the message. Often the taxpayer's registration, the income source or the type of the invoice is the \
                 cause. Amend the invoice, or mend the registration and requeue with the same bytes.",
            ar: "اقرأ الرسالة. السبب غالبًا تسجيل المكلف أو مصدر الدخل أو نوع الفاتورة. عدِّل الفاتورة، أو صحِّح التسجيل ثم \
                 أعد الفاتورة نفسها إلى الإرسال.",
        },
        patterns: &[],
    },
    Entry {
        id: "buyer_name_missing",
        class: Class::Buyer,
        retry: Retry::AfterAmending,
        codes: &[],
        messages: &["Bayer name is missing"],
        http: &[],
        meaning: Text {
            en: "The buyer must be named: always on a receivable invoice, and on a cash invoice above 10,000 JOD. \
                 (“Bayer” is the authority's spelling.)",
            ar: "يجب ذكر اسم المشتري: دائمًا في فاتورة الذمم، وفي الفاتورة النقدية التي تزيد على 10,000 دينار. \
                 (كلمة «Bayer» هكذا ترد في رسالة الدائرة.)",
        },
        remedy: Text {
            en: "Add the buyer's name and amend the invoice.",
            ar: "أضف اسم المشتري ثم عدِّل الفاتورة.",
        },
        patterns: &[Pattern::Starts("bayer name is missing"), Pattern::Starts("buyer name is missing")],
    },
    Entry {
        id: "postal_code_length",
        class: Class::Buyer,
        retry: Retry::AfterAmending,
        codes: &[],
        messages: &["Postal code length is incorrect"],
        http: &[],
        meaning: Text {
            en: "The buyer's postal code is longer than five characters.",
            ar: "الرمز البريدي للمشتري أطول من خمس خانات.",
        },
        remedy: Text {
            en: "Correct the postal code, or leave it out, and amend the invoice.",
            ar: "صحِّح الرمز البريدي أو احذفه، ثم عدِّل الفاتورة.",
        },
        patterns: &[Pattern::Starts("postal code length is incorrect")],
    },
    Entry {
        id: "development_area_buyer",
        class: Class::Buyer,
        retry: Retry::AfterMending,
        codes: &[],
        messages: &[
            "BuyerTaxNumber: The buyer's taxpayer number is not associated with the developmental arear",
        ],
        http: &[],
        meaning: Text {
            en: "The invoice is for a development area, but the buyer's tax number is missing, is not registered there, or \
                 has no valid exemption letter with the department.",
            ar: "الفاتورة لمنطقة تنموية، لكن الرقم الضريبي للمشتري غير مذكور، أو غير مسجل فيها، أو لا يوجد له كتاب إعفاء \
                 ساري المفعول لدى الدائرة.",
        },
        remedy: Text {
            en: "Check the buyer's tax number and amend it if it is wrong. If it is right, ask the buyer to have the \
                 exemption letter entered by the department, then requeue with the same bytes; or issue a local invoice.",
            ar: "تحقق من الرقم الضريبي للمشتري وعدِّله إن كان خطأ. وإن كان صحيحًا فاطلب من المشتري إدخال كتاب الإعفاء لدى \
                 الدائرة ثم أعد الفاتورة نفسها إلى الإرسال، أو أصدر فاتورة محلية.",
        },
        patterns: &[Pattern::Starts(
            "buyertaxnumber: the buyer's taxpayer number is not associated with the developmental",
        )],
    },
    Entry {
        id: "return_buyer_mismatch",
        class: Class::Return,
        retry: Retry::AfterAmending,
        codes: &[],
        messages: &["invoice: Credit invoice buyer info does not match the original invoice"],
        http: &[],
        meaning: Text {
            en: "The buyer of the return is not the buyer of the original invoice, letter for letter; an empty buyer does \
                 not match a named one.",
            ar: "بيانات المشتري في فاتورة الإرجاع لا تطابق بياناته في الفاتورة الأصلية حرفًا بحرف، وترك المشتري فارغًا لا \
                 يطابق مشتريًا مسمى.",
        },
        remedy: Text {
            en: "Take the buyer from the original invoice exactly as it was sent, and amend the return.",
            ar: "انقل بيانات المشتري من الفاتورة الأصلية كما أُرسلت تمامًا، ثم عدِّل فاتورة الإرجاع.",
        },
        patterns: &[
            Pattern::Starts("invoice: credit invoice buyer info does not match the original invoice"),
            Pattern::Starts("credit invoice buyer info does not match the original invoice"),
        ],
    },
];
