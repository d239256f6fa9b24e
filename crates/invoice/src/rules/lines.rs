//! Rules for lines: numbers, amounts, taxes.

use super::{Rule, Source, rule};
use crate::validate::FaultCode;

pub(super) static RULES: &[Rule] = &[
    rule(
        FaultCode::NoLines,
        Source::Guide("lines"),
        &["XSD_INVALID"],
        ["A document has at least one line.", "في كل مستند بند واحد على الأقل."],
        ["UBL 2.1 asks for it.", "هذا ما تطلبه صيغة UBL 2.1."],
        [
            "Add the lines; on a return, leave lines out to return everything.",
            "أضف البنود؛ وفي المرتجع احذف lines لإرجاع كل شيء.",
        ],
    ),
    rule(
        FaultCode::TooManyLines,
        Source::Format,
        &[],
        ["A document has at most 10,000 lines.", "لا تزيد بنود المستند على 10,000."],
        ["The bound is ours; the authority publishes none.", "هذا الحد من عندنا؛ والدائرة لا تنشر حداً."],
        ["Split the document.", "قسّم المستند."],
    ),
    rule(
        FaultCode::LineIdMissing,
        Source::Guide("lines and returns"),
        &["XSD_INVALID"],
        [
            "Lines are numbered all or none; on returns all.",
            "تُرقّم البنود كلها أو لا يُرقّم شيء منها؛ وفي المرتجع كلها.",
        ],
        [
            "Without numbers a line gets its position. A return's line carries the number that it has in the original.",
            "من غير أرقام يأخذ كل بند ترتيبه. وبند المرتجع يحمل رقمه في الفاتورة الأصلية.",
        ],
        ["Number all lines or none.", "رقّم البنود كلها أو لا ترقّم أياً منها."],
    ),
    rule(
        FaultCode::LineIdZero,
        Source::Guide("lines"),
        &[],
        ["Line numbers begin at 1.", "أرقام البنود تبدأ من 1."],
        ["The guide calls it a serial number.", "يسمّيه الدليل رقماً متسلسلاً."],
        ["Begin at 1.", "ابدأ من 1."],
    ),
    rule(
        FaultCode::LineIdRepeated,
        Source::Guide("lines"),
        &["The ID number must be unique"],
        ["A line number occurs once.", "لا يتكرر رقم البند."],
        ["Later returns name the line by it.", "به تسمّي المرتجعات اللاحقة البند."],
        ["Give each line a number of its own.", "أعطِ كل بند رقماً خاصاً به."],
    ),
    rule(
        FaultCode::NotPositive,
        Source::Guide("quantity and price"),
        &[],
        ["Quantities and prices are above 0.", "الكميات والأسعار أكبر من 0."],
        [
            "There are no negative lines, and nothing is given away at price 0; a gift is a line with a discount of all of it.",
            "لا بنود سالبة ولا سعر صفري؛ والهدية بندٌ خصمُه كامل قيمته.",
        ],
        ["Correct the amount; what comes back is a return.", "صحّح القيمة؛ وما يُرجع فموضعه مرتجع."],
    ),
    rule(
        FaultCode::Negative,
        Source::Guide("discount; no charges"),
        &["generalInvoiceCalculations: discount cannot be negative"],
        ["Discounts, taxes and totals are 0 or more.", "الخصومات والضرائب والمجاميع 0 أو أكثر."],
        [
            "The profile knows no charges: a negative discount is none either.",
            "لا تعرف الصيغة رسوماً إضافية، والخصم السالب ليس بديلاً عنها.",
        ],
        [
            "Correct the amount; put a charge into the price or on a line of its own.",
            "صحّح القيمة؛ وضع الرسم في السعر أو في بند مستقل.",
        ],
    ),
    rule(
        FaultCode::TooManyDecimals,
        Source::Guide("decimals: 3 to 9"),
        &[],
        ["An amount has at most 9 decimals.", "لا تزيد المنازل العشرية على 9."],
        [
            "Trailing zeros do not count. Nothing is ever rounded on the way in.",
            "الأصفار الأخيرة لا تُحسب. ولا يُقرّب شيء عند الاستلام.",
        ],
        ["Round it to 9 decimals where you know what it means.", "قرّبه إلى 9 منازل حيث يُعرف معناه."],
    ),
    rule(
        FaultCode::AmountTooLarge,
        Source::Format,
        &[],
        ["An amount is within its bound.", "كل قيمة ضمن حدّها."],
        [
            "Below 10^9 for quantities and prices, up to 10^12 for a line, up to 10^15 for a document: within these every amount is calculated exactly to the last digit.",
            "أقل من 10^9 للكميات والأسعار، وحتى 10^12 للبند، وحتى 10^15 للمستند: ضمن هذه الحدود يُحسب كل مبلغ بدقة حتى آخر خانة.",
        ],
        ["Correct the amount, or split the document.", "صحّح القيمة أو قسّم المستند."],
    ),
    rule(
        FaultCode::DiscountAboveGross,
        Source::Guide("lines"),
        &[],
        ["A line's discount is at most quantity x unit price.", "لا يزيد خصم البند على الكمية × سعر الوحدة."],
        ["A line below 0 is none; what comes back is a return.", "لا بند أقل من 0؛ وما يُرجع فموضعه مرتجع."],
        ["Lower the discount.", "خفّض الخصم."],
    ),
    rule(
        FaultCode::TaxNotAllowed,
        Source::Guide("families"),
        &["invoice-persist: This user is not authorized to submit this type of invoice."],
        ["A document carries only the taxes of its family.", "لا يحمل المستند إلا ضرائب عائلته."],
        [
            "Income documents carry none; general sales documents the general tax; special sales documents both.",
            "فاتورة الدخل لا ضريبة فيها؛ وفاتورة المبيعات العامة فيها الضريبة العامة؛ وفاتورة المبيعات الخاصة فيها الاثنتان.",
        ],
        ["Leave the tax out, or correct the family.", "احذف الضريبة أو صحّح family."],
    ),
    rule(
        FaultCode::TaxMissing,
        Source::Guide("families"),
        &[],
        ["Every line states all taxes of the document's family.", "كل بند يذكر ضرائب عائلة المستند كلها."],
        [
            "An exempt line says so with category Z, a zero-rated one with O; a special tax of 0 is written as 0.",
            "البند المعفى فئته Z والخاضع لنسبة الصفر فئته O؛ والضريبة الخاصة المعدومة تُكتب 0.",
        ],
        ["State the tax.", "اذكر الضريبة."],
    ),
    rule(
        FaultCode::PercentNotZero,
        Source::Guide("tax categories"),
        &["General tax percentage must be zero"],
        ["Exempt and zero-rated lines have 0 percent.", "نسبة البنود المعفاة والخاضعة لنسبة الصفر هي 0."],
        [
            "In Jordan Z is exempt and O is zero-rated; Peppol and ZATCA use these letters otherwise.",
            "في الأردن Z معفى وO خاضع لنسبة الصفر؛ وتستعمل Peppol وZATCA هذين الحرفين بمعنى آخر.",
        ],
        ["Set the percent to 0, or the category to S.", "اجعل النسبة 0 أو الفئة S."],
    ),
    rule(
        FaultCode::PercentNotListed,
        Source::Guide("tax rates"),
        &["General tax percentage must be zero", "500 (percentage not on the approved list)"],
        [
            "A taxed line (S) has one of the rates 1, 2, 3, 4, 5, 7, 8, 10, 16.",
            "نسبة البند الخاضع للضريبة (S) إحدى النسب 1 و2 و3 و4 و5 و7 و8 و10 و16.",
        ],
        [
            "S with 0 percent is refused: zero-rated is O, exempt is Z.",
            "S بنسبة 0 مرفوضة: نسبة الصفر فئتها O والإعفاء فئته Z.",
        ],
        ["Correct the rate or the category.", "صحّح النسبة أو الفئة."],
    ),
    rule(
        FaultCode::NotZeroRated,
        Source::Guide("scopes 1 to 5"),
        &["General tax percentage must be zero"],
        ["Outside local scope every line is category O.", "خارج النطاق المحلي كل البنود فئتها O."],
        [
            "Export, development area, transit, foreign trade and free zone are zero-rated throughout, on general and special sales documents.",
            "التصدير والمناطق التنموية والعبور والتجارة الخارجية والمناطق الحرة خاضعة كلها لنسبة الصفر في المبيعات العامة والخاصة.",
        ],
        ["Set the category to O with 0 percent, or correct the scope.", "اجعل الفئة O بنسبة 0 أو صحّح scope."],
    ),
    rule(
        FaultCode::ConsumerPriceNotAllowed,
        Source::Guide("chapter 7, consumer price"),
        &[],
        ["Income documents have no consumer price.", "لا سعر مستهلك في فواتير الدخل."],
        [
            "It is for general and special sales taxpayers with the department's permission.",
            "هو لمكلّفي المبيعات العامة والخاصة بموافقة الدائرة.",
        ],
        ["Leave it out.", "احذفه."],
    ),
    rule(
        FaultCode::ConsumerPriceMissing,
        Source::Guide("chapter 7, consumer price"),
        &[],
        ["The consumer price stands on all lines or on none.", "سعر المستهلك على كل البنود أو لا شيء منها."],
        ["The guide has it for the whole document.", "يشترطه الدليل للمستند كله."],
        [
            "Add it to the other lines; equal to the unit price where there is no other.",
            "أضفه إلى بقية البنود؛ مساوياً لسعر الوحدة حيث لا سعر آخر.",
        ],
    ),
    rule(
        FaultCode::ConsumerPriceBelowPrice,
        Source::Guide("chapter 7, consumer price"),
        &[],
        ["The consumer price is not below the unit price.", "لا يقل سعر المستهلك عن سعر الوحدة."],
        [
            "The tax rests on it, so that a lower one would lessen the tax.",
            "عليه تُحسب الضريبة، فلو قلّ لنقصت.",
        ],
        ["Correct one of the two prices.", "صحّح أحد السعرين."],
    ),
];
