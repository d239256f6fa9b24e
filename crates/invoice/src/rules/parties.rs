//! Rules for texts, for the head of a document, and for seller and buyer.

use super::{Rule, Source, rule};
use crate::validate::FaultCode;

pub(super) static RULES: &[Rule] = &[
    rule(
        FaultCode::EmptyText,
        Source::Guide("mandatory elements"),
        &[],
        ["A mandatory text says something.", "كل نص إلزامي يحوي شيئاً."],
        [
            "Numbers, names and the reason of a return are mandatory; blanks alone count as nothing.",
            "الأرقام والأسماء وسبب الإرجاع إلزامية، والفراغات وحدها لا تُعدّ نصاً.",
        ],
        ["Fill it in.", "املأ الحقل."],
    ),
    rule(
        FaultCode::TextTooLong,
        Source::Guide("postal zone: at most 5 characters; the other bounds are ours"),
        &["Postal code length is incorrect"],
        ["A text is not longer than its bound.", "لا يزيد طول النص على حدّه."],
        [
            "The authority publishes one bound, 5 characters for the postal code. Ours are wide: 100 for numbers, 500 for names and reasons, 2,000 for the note. Characters are counted, not bytes.",
            "تنشر الدائرة حداً واحداً: 5 أحرف للرمز البريدي. أما حدودنا فواسعة: 100 للأرقام و500 للأسماء والأسباب و2000 للملاحظة. تُحسب الأحرف لا البايتات.",
        ],
        ["Shorten the text.", "اختصر النص."],
    ),
    rule(
        FaultCode::ForbiddenCharacter,
        Source::Guide("UBL 2.1, that is XML 1.0"),
        &["XSD_INVALID"],
        [
            "A text holds only characters that XML knows and people can see.",
            "لا يحوي النص إلا أحرفاً تقبلها XML ويراها الناس.",
        ],
        [
            "Control characters cannot stand in XML at all; in a number, invisible ones (zero width, direction marks) would make two numbers look alike.",
            "أحرف التحكم لا ترد في XML أصلاً؛ والأحرف غير المرئية في الرقم (كعلامات الاتجاه) تجعل رقمين يبدوان رقماً واحداً.",
        ],
        ["Remove the character that the message names.", "احذف الحرف الذي تذكره الرسالة."],
    ),
    rule(
        FaultCode::NotDigits,
        Source::Guide("seller, buyer and income-source numbers"),
        &["500 (wrong tax number or income-source sequence)"],
        ["Registered numbers are digits 0 to 9.", "الأرقام المسجّلة خانات من 0 إلى 9."],
        [
            "Tax number, income-source sequence and the buyer's number. A taxpayer whose foreign buyers have letters in their passport numbers may allow them for PN (setting identification).",
            "الرقم الضريبي وتسلسل مصدر الدخل ورقم المشتري. وللمكلّف الذي في أرقام جوازات مشتريه الأجانب أحرف أن يسمح بها مع PN (الإعداد identification).",
        ],
        ["Write Western digits without blanks or dashes.", "اكتب أرقاماً غربية بلا فراغات ولا شرطات."],
    ),
    rule(
        FaultCode::DigitCount,
        Source::Guide("telephone: 9 to 14 digits; the other bounds are ours"),
        &["500 (wrong tax number or income-source sequence)"],
        ["A number has as many digits as it may have.", "عدد خانات الرقم ضمن المسموح."],
        [
            "Tax numbers 5 to 15, income sources 1 to 20, the buyer's number 1 to 30. Of a telephone number the digits count, 9 to 14 (another reading is the setting phone); a leading + or 00 is dropped.",
            "الرقم الضريبي من 5 إلى 15، ومصدر الدخل من 1 إلى 20، ورقم المشتري من 1 إلى 30. ومن رقم الهاتف تُحسب الخانات فقط، من 9 إلى 14 (ولقراءة أخرى الإعداد phone)، وتُحذف + أو 00 من أوله.",
        ],
        ["Correct the number; a telephone number may be left out.", "صحّح الرقم؛ ويجوز حذف رقم الهاتف."],
    ),
    rule(
        FaultCode::UnknownCurrency,
        Source::Guide("currencies"),
        &[],
        [
            "The currency is one of the 18 that the authority takes.",
            "العملة إحدى العملات الثماني عشرة التي تقبلها الدائرة.",
        ],
        [
            "JOD, USD, EUR, SAR, AED, OMR, GBP, QAR, KWD, BHD, AUD, CAD, JPY, CHF, TRY, SYP, EGP, SEK; one for the whole document, in capitals.",
            "JOD وUSD وEUR وSAR وAED وOMR وGBP وQAR وKWD وBHD وAUD وCAD وJPY وCHF وTRY وSYP وEGP وSEK؛ عملة واحدة للمستند كله وبأحرف كبيرة.",
        ],
        ["Invoice in one of them.", "أصدر الفاتورة بإحداها."],
    ),
    rule(
        FaultCode::DateOutOfRange,
        Source::Format,
        &[],
        ["The date of issue lies between 2018 and 2100.", "تاريخ الإصدار بين عامي 2018 و2100."],
        [
            "The law that asks for these invoices is of 2018; anything outside is a slip. Whether a date is in the future is not looked at: there is no clock here.",
            "القانون الذي يوجب هذه الفواتير صدر عام 2018، وما خرج عن ذلك خطأ كتابة. ولا يُنظر هنا إن كان التاريخ في المستقبل.",
        ],
        ["Correct the date.", "صحّح التاريخ."],
    ),
    rule(
        FaultCode::ScopeNotAllowed,
        Source::Observed("scopes 3 to 5 with other families than general sales"),
        &["invoice-persist: This user is not authorized to submit this type of invoice."],
        [
            "Transit, foreign trade and free zone are used by families that may use them.",
            "لا يستعمل العبورَ والتجارة الخارجية والمنطقة الحرة إلا من يحق له من العائلات.",
        ],
        [
            "Guide v1.5 gives them to all families; the setting zone_scopes keeps them to general sales, as others do.",
            "يتيحها الدليل 1.5 لكل العائلات؛ ويقصرها الإعداد zone_scopes على المبيعات العامة كما يفعل غيرنا.",
        ],
        ["Correct scope or family, or the setting.", "صحّح scope أو family أو الإعداد."],
    ),
    rule(
        FaultCode::BuyerNameMissing,
        Source::Guide("buyer"),
        &["Bayer name is missing"],
        [
            "The buyer is named on receivables, and on cash sales above 10,000 JOD.",
            "يُذكر اسم المشتري في فواتير الذمم وفي البيع النقدي فوق 10,000 دينار.",
        ],
        [
            "Exactly 10,000 JOD needs no name. In another currency the equivalent counts; it is checked where the taxpayer's settings have a rate (exchange_rates), since the guide gives none.",
            "مبلغ 10,000 دينار تماماً لا يتطلب اسماً. وفي العملات الأخرى يُعتبر المعادل، ويُفحص حين يكون في إعدادات المكلّف سعر صرف (exchange_rates) لأن الدليل لا يحدد سعراً.",
        ],
        ["Name the buyer.", "اذكر اسم المشتري."],
    ),
    rule(
        FaultCode::BuyerTaxNumberMissing,
        Source::Guide("scope 2, development area"),
        &["BuyerTaxNumber: The buyer's taxpayer number is not associated with the developmental arear"],
        [
            "A development-area document has the buyer's tax number.",
            "في فاتورة المناطق التنموية الرقم الضريبي للمشتري.",
        ],
        [
            "The number must be registered in a development area, with a valid exemption letter; that part only the authority can check.",
            "يجب أن يكون الرقم مسجلاً في منطقة تنموية وله كتاب إعفاء ساري المفعول؛ وهذا لا يستطيع فحصه إلا الدائرة.",
        ],
        [
            "Give buyer.identification with scheme TN, or correct the scope.",
            "ضع buyer.identification مع scheme بقيمة TN، أو صحّح scope.",
        ],
    ),
];
