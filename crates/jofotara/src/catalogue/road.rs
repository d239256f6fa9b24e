//! The catalogue's entries about the way to the authority: credentials, gateways, failures; and the one for what is not
//! known.

use super::{Class, Entry, Pattern, Retry, Text};

/// For whatever no other entry knows. The authority's own words are kept beside it.
pub static UNKNOWN: Entry = Entry {
    id: "unknown",
    class: Class::Unknown,
    retry: Retry::AfterMending,
    codes: &[],
    messages: &[],
    http: &[],
    meaning: Text {
        en: "The authority's words are not known here; they are kept as they came.",
        ar: "عبارة الدائرة غير معروفة هنا، وقد حُفظت كما وردت.",
    },
    remedy: Text {
        en: "Read the message and the attempts. If the document is at fault, amend it; if something outside of it is \
             (registration, income source, credentials), mend that and requeue with the same bytes. If neither can be \
             told, ask the department, and tell whoever maintains Fawtara the exact words.",
        ar: "اقرأ الرسالة ومحاولات الإرسال. إذا كان الخطأ في الوثيقة فعدِّلها، وإذا كان خارجها (التسجيل أو مصدر الدخل أو بيانات \
             الربط) فعالجه ثم أعد الوثيقة نفسها إلى الإرسال. وإن تعذر معرفة السبب فاسأل الدائرة، وأبلغ القائمين على «فوترة» \
             بنص الرسالة كما هو.",
    },
    patterns: &[],
};

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        id: "credentials_refused",
        class: Class::Credentials,
        retry: Retry::AfterMending,
        codes: &[],
        messages: &[],
        http: &[401, 403],
        meaning: Text {
            en: "The authority does not accept the client id or the secret key of this income source. No document is at \
                 fault. A firewall on the way may answer the same.",
            ar: "الدائرة لا تقبل رقم المستخدم أو المفتاح السري لمصدر الدخل هذا. لا خطأ في أي وثيقة. وقد يصدر الرد نفسه عن جدار \
                 حماية في الطريق.",
        },
        remedy: Text {
            en: "Compare the pair with the portal's page for linked devices and see that the link is active; correct or \
                 renew it. The invoices wait meanwhile and go out by themselves.",
            ar: "قارن بيانات الربط بصفحة ربط الأجهزة في البوابة وتأكد من أن الربط فعّال، ثم صحِّحها أو جدِّدها. الفواتير تنتظر \
                 خلال ذلك وتُرسل تلقائيًا.",
        },
        patterns: &[],
    },
    Entry {
        id: "token_pair_refused",
        class: Class::Credentials,
        retry: Retry::AfterMending,
        codes: &["invalid_client", "unauthorized_client", "access_denied", "invalid_grant"],
        messages: &[],
        http: &[],
        meaning: Text {
            en: "The token service does not accept the client id or the secret of this income source. No document went out.",
            ar: "خدمة الرموز لا تقبل رقم المستخدم أو المفتاح السري لمصدر الدخل هذا. لم تُرسل أي وثيقة.",
        },
        remedy: Text {
            en: "Check the pair and the token address of the route; correct them. The invoices wait meanwhile.",
            ar: "تحقق من بيانات الربط ومن عنوان خدمة الرموز في المسار وصحِّحها. الفواتير تنتظر خلال ذلك.",
        },
        patterns: &[],
    },
    Entry {
        id: "post2tax_licence",
        class: Class::Credentials,
        retry: Retry::AfterMending,
        codes: &[],
        messages: &[],
        http: &[],
        meaning: Text {
            en: "The gateway Post2Tax does not accept the licence. No document is at fault.",
            ar: "بوابة Post2Tax لا تقبل الترخيص. لا خطأ في أي وثيقة.",
        },
        remedy: Text {
            en: "Renew the licence with Post2Tax or correct the licence key of the route. The invoices wait meanwhile.",
            ar: "جدِّد الترخيص لدى Post2Tax أو صحِّح مفتاح الترخيص في المسار. الفواتير تنتظر خلال ذلك.",
        },
        patterns: &[Pattern::CodeHolds("license"), Pattern::CodeHolds("licence")],
    },
    Entry {
        id: "post2tax_cannot_say",
        class: Class::Route,
        retry: Retry::AfterMending,
        codes: &["post2tax-cannot-say"],
        messages: &[],
        http: &[],
        meaning: Text {
            en: "The income source sends through Post2Tax, whose interface has no word for this document: it knows local \
                 cash and receivable sales in dinars only. Nothing was sent.",
            ar: "مصدر الدخل يرسل عبر Post2Tax، وواجهتها لا تستطيع التعبير عن هذه الوثيقة: فهي لا تعرف إلا المبيعات المحلية \
                 النقدية والذمم بالدينار. لم يُرسل شيء.",
        },
        remedy: Text {
            en: "Set the income source's route to direct, then requeue the invoice with the same bytes.",
            ar: "اجعل مسار مصدر الدخل مباشرًا (direct)، ثم أعد الفاتورة نفسها إلى الإرسال.",
        },
        patterns: &[],
    },
    Entry {
        id: "inner_failure",
        class: Class::Gateway,
        retry: Retry::Later,
        codes: &["invoice-persist"],
        messages: &[
            "500 : \"{\"timestamp\":..,\"status\":500,\"error\":\"Internal Server Error\",\"path\":\"/ingestion/invoices\"}\"",
        ],
        http: &[],
        meaning: Text {
            en: "A service inside the department failed, wrapped in an answer that looks like a refusal. Sometimes the \
                 invoice's own data causes it, such as a wrong tax number.",
            ar: "تعطلت خدمة داخلية لدى الدائرة وجاء عطلها في صورة رفض. وقد تسببه بيانات الفاتورة نفسها، كرقم ضريبي غير صحيح.",
        },
        remedy: Text {
            en: "Wait: it is sent again a few times. If it then stands before you, check tax number and income source; if \
                 they are right, requeue with the same bytes once the authority is well.",
            ar: "انتظر: يعاد الإرسال عدة مرات تلقائيًا. فإن بقيت الفاتورة معلقة فتحقق من الرقم الضريبي ومصدر الدخل، وإن كانا \
                 صحيحين فأعد الفاتورة نفسها إلى الإرسال بعد عودة الخدمة.",
        },
        patterns: &[Pattern::InnerFailure],
    },
    Entry {
        id: "server_error",
        class: Class::Identity,
        retry: Retry::AfterMending,
        codes: &[],
        messages: &[],
        http: &[500],
        meaning: Text {
            en: "HTTP 500. By the guide it mostly means a wrong tax number or a wrong income-source sequence, less often \
                 wrong keys or a rate that is not on the list; it may also be a failure of the service.",
            ar: "الرد HTTP 500. بحسب الدليل يعني غالبًا رقمًا ضريبيًا خاطئًا أو تسلسل مصدر دخل خاطئًا، وأحيانًا مفاتيح خاطئة أو \
                 نسبة ضريبة غير مدرجة، وقد يكون عطلًا في الخدمة.",
        },
        remedy: Text {
            en: "Check tax number, income source and rates, and amend the invoice; if they are right, requeue it with the \
                 same bytes once the authority is well.",
            ar: "تحقق من الرقم الضريبي ومصدر الدخل والنسب وعدِّل الفاتورة، وإن كانت صحيحة فأعد الفاتورة نفسها إلى الإرسال بعد \
                 عودة الخدمة.",
        },
        patterns: &[],
    },
    Entry {
        id: "unavailable",
        class: Class::Gateway,
        retry: Retry::Later,
        codes: &[],
        messages: &[],
        http: &[408, 425, 429, 502, 503, 504],
        meaning: Text {
            en: "The authority, or the way to it, is down or busy. No document is at fault.",
            ar: "خدمة الدائرة أو الطريق إليها متوقفة أو مزدحمة. لا خطأ في أي وثيقة.",
        },
        remedy: Text {
            en: "Nothing: the invoices are sent again by themselves. With 504 for long, see whether a firewall stands in \
                 the way.",
            ar: "لا إجراء مطلوب: يعاد إرسال الفواتير تلقائيًا. إذا استمر الرد 504 طويلًا فتحقق من وجود جدار حماية يعترض الطريق.",
        },
        patterns: &[],
    },
    Entry {
        id: "wrong_address",
        class: Class::Route,
        retry: Retry::AfterMending,
        codes: &[],
        messages: &[],
        http: &[404, 405, 410],
        meaning: Text {
            en: "The address does not take documents. No document is at fault.",
            ar: "العنوان المستخدم لا يستقبل الوثائق. لا خطأ في أي وثيقة.",
        },
        remedy: Text {
            en: "Check the addresses of the income source's route. The invoices wait meanwhile.",
            ar: "تحقق من عناوين مسار مصدر الدخل. الفواتير تنتظر خلال ذلك.",
        },
        patterns: &[],
    },
    Entry {
        id: "gateway_answer",
        class: Class::Gateway,
        retry: Retry::AfterMending,
        codes: &[],
        messages: &[
            "{\"message\":..,\"timestamp\":..}",
            "{\"error\":{\"code\":..,\"message\":..,\"details\":..}}",
            "{\"errors\":[{\"detail\":..}]}",
        ],
        http: &[400, 413, 422],
        meaning: Text {
            en: "A gateway or a framework answered instead of the authority's own program: the request was not liked, and \
                 the document was probably not looked at.",
            ar: "الرد صادر عن بوابة وسيطة لا عن برنامج الدائرة نفسه: لم يُقبل الطلب، والأرجح أن الوثيقة لم تُفحص.",
        },
        remedy: Text {
            en: "Read the excerpt of the answer. If only this invoice meets it, look for what is unusual about it (its \
                 size, a rare character); if all do, see to addresses, proxies and firewalls, then requeue.",
            ar: "اقرأ مقتطف الرد. إذا اقتصر الأمر على هذه الفاتورة فابحث عما يميزها (حجمها أو محرف نادر فيها)، وإذا عم جميع \
                 الفواتير فراجع العناوين والوسطاء وجدران الحماية ثم أعد الإرسال.",
        },
        patterns: &[],
    },
];
