//! Rules for what the event offers beyond the profile: discounts on the document, prices with tax.

use super::{Rule, Source, rule};
use crate::validate::FaultCode;

pub(super) static RULES: &[Rule] = &[
    rule(
        FaultCode::DiscountAboveDocument,
        Source::Guide("a discount on the document is spread over the lines"),
        &[],
        ["The document's discount is at most what its lines come to.", "لا يزيد خصم المستند على حاصل بنوده."],
        [
            "The profile has no place for it, so that it is spread over the lines; each line can bear what it comes to after its own discount, without special tax.",
            "لا موضع له في الصيغة، فيوزَّع على البنود؛ ويحتمل كل بند حاصله بعد خصمه من غير الضريبة الخاصة.",
        ],
        ["Lower the discount.", "خفّض الخصم."],
    ),
    rule(
        FaultCode::TotalNotAllowed,
        Source::Format,
        &[],
        [
            "A line's total goes with prices that include tax.",
            "لا يرد مجموع البند إلا مع الأسعار الشاملة للضريبة.",
        ],
        [
            "Where prices are before tax, quantity, price and discount say all there is.",
            "حين تكون الأسعار قبل الضريبة فالكمية والسعر والخصم تكفي.",
        ],
        [
            "Set prices to tax_included, or leave the total out.",
            "اجعل prices بقيمة tax_included أو احذف المجموع.",
        ],
    ),
    rule(
        FaultCode::TotalMismatch,
        Source::Format,
        &[],
        ["A stated total is what the amounts beneath it come to.", "المجموع المذكور هو حاصل ما تحته من قيم."],
        [
            "A shop may round a line's total by less than 0.01; the total of an original from before this system's time may differ from its lines by 0.01 and 0.001 a line. More is a mistake somewhere, and no discount.",
            "للمحل أن يقرّب مجموع البند بأقل من 0.01؛ ولمجموع فاتورة أصلية سبقت هذا النظام أن يختلف عن بنودها بمقدار 0.01 و0.001 لكل بند. وما زاد فخطأ في موضع ما وليس خصماً.",
        ],
        ["Correct the total, or quantity, price and discount.", "صحّح المجموع، أو الكمية والسعر والخصم."],
    ),
    rule(
        FaultCode::TaxIncludedNotAllowed,
        Source::Guide("chapter 7, consumer price"),
        &[],
        [
            "Documents with consumer prices have prices before tax.",
            "المستندات التي فيها سعر مستهلك أسعارها قبل الضريبة.",
        ],
        [
            "The tax of such a line rests on the consumer price and not on what is paid, so that no price of a unit includes it.",
            "ضريبة البند فيها على سعر المستهلك لا على المدفوع، فلا يشملها سعر الوحدة.",
        ],
        ["Give unit prices before tax.", "ضع أسعار الوحدات قبل الضريبة."],
    ),
    rule(
        FaultCode::SpecialTaxAbovePrice,
        Source::Guide("special sales"),
        &[],
        [
            "A price with tax holds the special tax and the general tax on it.",
            "السعر الشامل يتسع للضريبة الخاصة وللضريبة العامة عليها.",
        ],
        [
            "The total of a line is (price before tax + special tax) x (1 + rate); with a larger special tax the price would be below 0.",
            "مجموع البند = (السعر قبل الضريبة + الضريبة الخاصة) × (1 + النسبة)؛ ولو زادت الضريبة الخاصة لصار السعر سالباً.",
        ],
        [
            "Correct the special tax (it is the amount of the whole line), or the price.",
            "صحّح الضريبة الخاصة (وهي مبلغ البند كله) أو السعر.",
        ],
    ),
];
