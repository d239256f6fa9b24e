//! Rules for returns.

use super::{Rule, Source, rule};
use crate::validate::FaultCode;

pub(super) static RULES: &[Rule] = &[
    rule(
        FaultCode::OriginalMissing,
        Source::Guide("returns"),
        &[],
        ["A return names the invoice that it takes back.", "المرتجع يذكر الفاتورة التي يُرجعها."],
        [
            "There are no credit notes without an original. Its UUID or its number is enough where it is ours.",
            "لا إشعار دائن بلا فاتورة أصلية. ويكفي معرّف UUID أو رقمها إن كانت صادرة من هنا.",
        ],
        ["Give original.uuid or original.number.", "ضع original.uuid أو original.number."],
    ),
    rule(
        FaultCode::OriginalNotAllowed,
        Source::Format,
        &[],
        ["Only a return names an original.", "لا يذكر فاتورة أصلية إلا المرتجع."],
        ["An invoice with one is a return that lacks its kind.", "الفاتورة التي تذكرها مرتجع نُسي نوعه."],
        ["Remove original, or set kind to return.", "احذف original أو اجعل kind بقيمة return."],
    ),
    rule(
        FaultCode::OriginalIsItself,
        Source::Guide("returns"),
        &[],
        ["A return has a UUID and a number of its own.", "للمرتجع معرّف ورقم خاصان به."],
        ["It names itself as the invoice that it takes back.", "يذكر نفسه على أنه الفاتورة المُرجعة."],
        [
            "Name the original, and give the return its own number.",
            "اذكر الفاتورة الأصلية وأعطِ المرتجع رقماً خاصاً.",
        ],
    ),
    rule(
        FaultCode::DiffersFromOriginal,
        Source::Guide("returns"),
        &["invoice: Credit invoice buyer info does not match the original invoice"],
        ["What a return states is what its original has.", "ما يذكره المرتجع مطابق للفاتورة الأصلية."],
        [
            "Names, prices, taxes, buyer, type and currency are copied from the original as the authority holds it; only quantities may be smaller.",
            "الأسماء والأسعار والضرائب والمشتري والنوع والعملة تُنقل من الفاتورة الأصلية كما هي عند الدائرة؛ ولا تتغير إلا الكميات نقصاناً.",
        ],
        [
            "Leave it out: it is taken from the original. Another price is a return and a new invoice.",
            "احذفه فيؤخذ من الفاتورة الأصلية. وتغيير السعر يكون بمرتجع ثم فاتورة جديدة.",
        ],
    ),
    rule(
        FaultCode::LineNotInOriginal,
        Source::Guide("returns"),
        &[],
        ["A returned line is one of the original's.", "البند المُرجع أحد بنود الفاتورة الأصلية."],
        [
            "Lines are known by the numbers that they have in the original.",
            "تُعرف البنود بأرقامها في الفاتورة الأصلية.",
        ],
        ["Give the line's number in the original.", "ضع رقم البند في الفاتورة الأصلية."],
    ),
    rule(
        FaultCode::MoreThanLeft,
        Source::Guide("returns"),
        &[],
        ["No more comes back of a line than is left of it.", "لا يُرجع من البند أكثر مما بقي منه."],
        [
            "All returns of an invoice are counted together, those that wait included, and what is said to have come back before this system's time.",
            "تُحسب كل مرتجعات الفاتورة معاً، بما فيها المنتظرة، وما ذُكر أنه أُرجع قبل هذا النظام.",
        ],
        ["Lower the quantity, or abandon another return.", "خفّض الكمية أو تخلَّ عن مرتجع آخر."],
    ),
    rule(
        FaultCode::NothingLeft,
        Source::Guide("returns"),
        &[],
        ["Something of the original is left to come back.", "بقي من الفاتورة الأصلية ما يُرجع."],
        [
            "Everything of it has come back already, or is reserved by other returns.",
            "أُرجع كل ما فيها أو حجزته مرتجعات أخرى.",
        ],
        ["Abandon this return, or the others.", "تخلَّ عن هذا المرتجع أو عن غيره."],
    ),
];
