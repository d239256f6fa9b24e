//! Rules that a text must keep to be an event at all.

use super::{Rule, Source, rule};
use crate::validate::FaultCode;

pub(super) static RULES: &[Rule] = &[
    rule(
        FaultCode::TooLarge,
        Source::Format,
        &[],
        ["An event has at most 1 MiB.", "لا يزيد حجم الحدث على 1 ميبيبايت."],
        [
            "The whole JSON text is counted, in bytes. The bound keeps one event from holding up the others.",
            "يُحسب نص JSON كاملاً بالبايت. وُضع هذا الحد كي لا يعطّل حدثٌ واحد بقيةَ الأحداث.",
        ],
        ["Split the document into several.", "قسّم المستند إلى عدة مستندات."],
    ),
    rule(
        FaultCode::MalformedJson,
        Source::Format,
        &[],
        ["An event is JSON.", "الحدث نص بصيغة JSON."],
        [
            "The text breaks off, or something in it is no JSON; the message says at which line and column.",
            "النص مبتور أو فيه ما ليس من صيغة JSON؛ وتبيّن الرسالة السطر والعمود.",
        ],
        [
            "Have the event written by a JSON library rather than put together as text.",
            "اكتب الحدث بواسطة مكتبة JSON بدلاً من تركيبه نصاً.",
        ],
    ),
    rule(
        FaultCode::InvalidUnicode,
        Source::Format,
        &[],
        ["An event is UTF-8, and every character in it is whole.", "الحدث بترميز UTF-8 وكل حرف فيه كامل."],
        [
            "Other encodings (Windows-1256, say) and halves of surrogate pairs would turn names into something else without notice.",
            "الترميزات الأخرى (مثل Windows-1256) وأنصاف الأزواج البديلة تحوّل الأسماء إلى شيء آخر دون أن يلحظ أحد.",
        ],
        ["Send the event as UTF-8.", "أرسل الحدث بترميز UTF-8."],
    ),
    rule(
        FaultCode::TrailingData,
        Source::Format,
        &[],
        ["An event stands alone.", "كل حدث يُرسل وحده."],
        [
            "After the end of the JSON object something follows, which would otherwise be lost.",
            "بعد نهاية كائن JSON شيء آخر كان سيضيع لولا هذا الرفض.",
        ],
        [
            "Send one event a message; in files, one a line.",
            "أرسل حدثاً واحداً في كل رسالة، وفي الملفات حدثاً في كل سطر.",
        ],
    ),
    rule(
        FaultCode::UnknownField,
        Source::Format,
        &[],
        ["Every member is one that the format knows.", "كل حقل في الحدث من حقول الصيغة المعروفة."],
        [
            "A member with a wrong name would be left unread, and the invoice would lack what it says.",
            "الحقل المكتوب باسم خاطئ لا يُقرأ، فتنقص الفاتورة ما جاء فيه.",
        ],
        [
            "Remove it or correct its name; what is to be kept but not sent goes into metadata.",
            "احذفه أو صحّح اسمه؛ وما يُراد حفظه دون إرساله فموضعه metadata.",
        ],
    ),
    rule(
        FaultCode::MissingField,
        Source::Format,
        &[],
        ["Mandatory members are there.", "الحقول الإلزامية موجودة كلها."],
        [
            "There is no sensible default for them: seller, number, date, family, payment and lines of an invoice; of a return what it takes back and why.",
            "لا قيمة افتراضية معقولة لها: البائع والرقم والتاريخ وعائلة الفاتورة وطريقة الدفع والبنود؛ وفي المرتجع: الفاتورة المُرجعة والسبب.",
        ],
        ["Add the member.", "أضف الحقل."],
    ),
    rule(
        FaultCode::DuplicateField,
        Source::Format,
        &[],
        ["No member stands there twice.", "لا يتكرر حقل في الكائن الواحد."],
        ["Of two values nobody can tell which is meant.", "إذا وُجدت قيمتان لم يُعرف أيّهما المقصود."],
        ["Keep one of them.", "أبقِ واحداً منهما."],
    ),
    rule(
        FaultCode::InvalidValue,
        Source::Format,
        &[],
        ["Every value is of the kind that its member asks for.", "كل قيمة من النوع الذي يطلبه حقلها."],
        [
            "A date is yyyy-mm-dd, an amount a decimal without separators (a string is best), a name one of those listed in the schema.",
            "التاريخ بصيغة yyyy-mm-dd، والمبلغ عدد عشري بلا فواصل آلاف (ويُفضَّل نصاً)، والاسم أحد الأسماء المذكورة في المخطط.",
        ],
        ["Write the value as the schema says.", "اكتب القيمة كما يبيّنها المخطط."],
    ),
    rule(
        FaultCode::UnsupportedVersion,
        Source::Format,
        &[],
        ["schema_version is 1.", "قيمة schema_version هي 1."],
        [
            "Another version of the format has other members; reading it as this one would misunderstand it.",
            "لإصدار آخر من الصيغة حقول أخرى، وقراءته على أنه هذا الإصدار فهمٌ خاطئ له.",
        ],
        ["Write events in version 1.", "اكتب الأحداث بالإصدار 1."],
    ),
    rule(
        FaultCode::Unsupported,
        Source::Format,
        &[],
        [
            "The document is one that this build can write.",
            "المستند مما يستطيع هذا الإصدار من البرنامج كتابته.",
        ],
        [
            "The event keeps all rules, but has something that its document has no place for.",
            "الحدث يوافق كل القواعد، لكن فيه ما لا موضع له في المستند.",
        ],
        ["The message says what to leave out.", "تبيّن الرسالة ما ينبغي حذفه."],
    ),
    rule(
        FaultCode::NilUuid,
        Source::Format,
        &[],
        ["The UUID is a real one.", "معرّف UUID معرّف حقيقي."],
        [
            "The nil UUID is what programs send that forgot to make one; a second such invoice would be taken for the first.",
            "المعرّف الصفري هو ما ترسله برامج نسيت توليد معرّف؛ والفاتورة الثانية به تُحسب هي الأولى.",
        ],
        [
            "Make a UUID (version 4) once for each document and keep it, or leave it out: it is then derived from seller, income source and number.",
            "ولّد معرّف UUID (الإصدار 4) مرة واحدة لكل مستند واحتفظ به، أو احذف الحقل فيُشتق من البائع ومصدر الدخل والرقم.",
        ],
    ),
    rule(
        FaultCode::InvalidAmends,
        Source::Format,
        &[],
        ["amends is the number of a document version, from 1.", "قيمة amends رقم إصدار مستند، يبدأ من 1."],
        [
            "It says which refused version of the same document this event replaces.",
            "يبيّن أيّ إصدار مرفوض من المستند نفسه يحلّ هذا الحدث محلّه.",
        ],
        [
            "Give the version that the refusal named, or leave it out for a new document.",
            "ضع الإصدار المذكور في الرفض، أو احذف الحقل إن كان المستند جديداً.",
        ],
    ),
];
