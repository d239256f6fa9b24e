//! The columns of a table: names in both languages, and what each becomes.

use std::fmt::Write;

/// One column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its English name.
    pub english: &'static str,
    /// Its Arabic name.
    pub arabic: &'static str,
    /// The event's field, such as `lines[].unit_price`; empty when it is kept as metadata.
    pub ours: &'static str,
    /// It speaks of one line; otherwise of the whole document.
    pub of_line: bool,
    /// What it holds.
    pub meaning: &'static str,
}

const fn head(
    english: &'static str,
    arabic: &'static str,
    ours: &'static str,
    meaning: &'static str,
) -> Column {
    Column { english, arabic, ours, of_line: false, meaning }
}

const fn line(
    english: &'static str,
    arabic: &'static str,
    ours: &'static str,
    meaning: &'static str,
) -> Column {
    Column { english, arabic, ours, of_line: true, meaning }
}

/// All columns. Their order in a file does not matter.
pub const COLUMNS: &[Column] = &[
    head(
        "number",
        "رقم الفاتورة",
        "number",
        "the document's number; an empty cell goes on with the document above",
    ),
    head(
        "kind",
        "نوع المستند",
        "kind",
        "`invoice` (فاتورة) or `return` (مرتجع); when left out, a return is what names an original",
    ),
    head("uuid", "المعرف", "uuid", "a UUID; follows from seller, income source and number when left out"),
    head("amends", "تعديل النسخة", "amends", "the version of the refused document that this one replaces"),
    head(
        "issue_date",
        "تاريخ الإصدار",
        "issue_date",
        "`2026-11-20`; also `20/11/2026`, day first, when it can be read in one way only",
    ),
    head(
        "family",
        "فئة الفاتورة",
        "family",
        "`income` (دخل), `general_sales` (مبيعات عامة), `special_sales` (مبيعات خاصة); the seller's registration when left out",
    ),
    head(
        "scope",
        "نطاق البيع",
        "scope",
        "`local` (محلي), `export` (تصدير), `development_area` (منطقة تنموية), `transit` (عبور), `foreign_trade` (تجارة خارجية), `free_zone` (منطقة حرة); local when left out",
    ),
    head("payment", "طريقة الدفع", "payment", "`cash` (نقدي) or `receivable` (ذمم)"),
    head("currency", "العملة", "currency", "JOD when left out"),
    head(
        "prices",
        "الأسعار",
        "prices",
        "`net` (قبل الضريبة) or `tax_included` (شاملة الضريبة); net when left out",
    ),
    head(
        "document_discount",
        "خصم الفاتورة",
        "discount",
        "a discount on the whole document, spread over its lines",
    ),
    head("note", "ملاحظات", "note", "free text"),
    head("seller_tax_number", "الرقم الضريبي للبائع", "seller.tax_number", "digits"),
    head("seller_name", "اسم البائع", "seller.name", "as registered"),
    head("income_source", "تسلسل مصدر الدخل", "seller.income_source", "digits"),
    head("buyer_name", "اسم المشتري", "buyer.name", "needed on receivables, and above 10,000 JOD"),
    head(
        "buyer_id_type",
        "نوع هوية المشتري",
        "buyer.identification.scheme",
        "`NIN` (رقم وطني), `PN` (رقم شخصي), `TN` (رقم ضريبي)",
    ),
    head("buyer_id", "رقم هوية المشتري", "buyer.identification.number", "digits"),
    head("buyer_postal_code", "الرمز البريدي", "buyer.postal_code", "at most 5 characters"),
    head("buyer_governorate", "المحافظة", "buyer.governorate", "`JO-AM`, `AM`, Amman or عمان, and so on"),
    head("buyer_phone", "هاتف المشتري", "buyer.phone", "9 to 14 digits"),
    head("original_number", "رقم الفاتورة الأصلية", "original.number", "returns: the invoice that comes back"),
    head(
        "original_uuid",
        "معرف الفاتورة الأصلية",
        "original.uuid",
        "returns: its UUID; one of both is needed",
    ),
    head(
        "original_total",
        "إجمالي الفاتورة الأصلية",
        "original.total",
        "returns: its total, when it is to be checked",
    ),
    head("return_reason", "سبب الإرجاع", "original.reason", "returns: why; needed"),
    line(
        "line",
        "رقم البند",
        "lines[].id",
        "the line's number, its place when left out; on returns the number that it has in the original",
    ),
    line("item", "اسم الصنف", "lines[].name", "name or description"),
    line("quantity", "الكمية", "lines[].quantity", "above 0"),
    line("unit_price", "سعر الوحدة", "lines[].unit_price", "of the kind that `prices` says"),
    line("line_discount", "خصم البند", "lines[].discount", "0 when left out"),
    line(
        "line_total",
        "إجمالي البند",
        "lines[].total",
        "what the shop charged, with tax; only where prices are `tax_included`",
    ),
    line(
        "tax_category",
        "فئة الضريبة",
        "lines[].tax.category",
        "`S` (خاضع), `Z` (معفى) or `O` (نسبة الصفر); S when left out and there is a percentage",
    ),
    line("tax_percent", "نسبة الضريبة", "lines[].tax.percent", "`16` or `16%`"),
    line(
        "special_tax",
        "الضريبة الخاصة",
        "lines[].special_tax",
        "the amount for the whole line; special sales only",
    ),
    line("consumer_price", "سعر المستهلك", "lines[].consumer_price", "by permission only"),
    line("unit", "وحدة القياس", "", "kept, not sent"),
    line("item_code", "رمز الصنف", "", "kept, not sent"),
];

/// The table of columns for people, as Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from("| column | بالعربية | becomes | what it holds |\n|---|---|---|---|\n");
    for Column { english, arabic, ours, meaning, .. } in COLUMNS {
        let ours = if ours.is_empty() { "metadata" } else { ours };
        let _ = writeln!(text, "| `{english}` | {arabic} | `{ours}` | {meaning} |");
    }
    text
}
