#!/usr/bin/env python3
"""A till written for the Post2Tax gateway, from its published description and nothing else: one call, three headers, one body.

    POST {base}/api/Invoice    Content-Type, license-key, client-id, secret-key

    200  {"error": false, "result": {"status": "SUBMITTED", "qrCode": ..., "id": ..., "uuid": ...}}
    400  {"error": true, "result": ERROR_CODE, "message": ERROR_DESCRIPTION}

It knows nothing of the system behind the address: only the base URL differs. Standard library only. Each check prints one line;
the exit code is 0 when every answer was as the description says.
"""

import argparse
import json
import sys
import urllib.error
import urllib.request
import uuid

TIMEOUT_S = 60


def three(amount):
    """Numbers have three decimals."""
    return round(amount, 3)


def half_up(thousandths_times_100):
    """Hundredths of a thousandth to thousandths, half up, in whole numbers: money is not left to binary fractions."""
    return (thousandths_times_100 + 50) // 100


def invoice(number, document_uuid, supplier, items):
    """The body as the description lists it. `items`: (id, name, quantity, price in thousandths, percent)."""
    lines, subtotal, tax_total = [], 0, 0
    for item_id, name, quantity, price, percent in items:
        base = quantity * price
        tax = half_up(base * percent)
        subtotal += base
        tax_total += tax
        lines.append(
            {
                "ID": item_id,
                "ItemName": name,
                "Quantity": quantity,
                "Price": three(price / 1000),
                "DiscountAmount": 0.0,
                "TaxAmount": three(tax / 1000),
                "TaxPercent": percent,
            }
        )
    return {
        "ID": number,
        "UUID": document_uuid,
        "SerialNo": "1",
        "InvoiceType": 1,
        "InvoiceDate": "2026-11-20",
        "CountryCode": "JO",
        "AreaCode": "AM",
        "CurrencyCode": "JOD",
        "Supplier": supplier,
        "Customer": {
            "Name": "سامر حداد",
            "IdentifiedBy": 1,
            "Identifier": "9871234567",
            "PostalZone": "11118",
            "Telephone": "00962790000000",
        },
        "TotalDiscountAmount": 0.0,
        "TotalTaxAmount": three(tax_total / 1000),
        "SubTotalAmount": three(subtotal / 1000),
        "TotalAmount": three((subtotal + tax_total) / 1000),
        "InvoiceLines": lines,
        "Note": "نقطة البيع رقم 3",
    }


class Gateway:
    """The one call."""

    def __init__(self, base, license_key, client_id, secret_key):
        self.url = base.rstrip("/") + "/api/Invoice"
        self.headers = {
            "Content-Type": "application/json",
            "license-key": license_key,
            "client-id": client_id,
            "secret-key": secret_key,
        }

    def submit(self, body, **headers):
        data = json.dumps(body).encode("utf-8")
        request = urllib.request.Request(self.url, data=data, headers={**self.headers, **headers}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refusal:
            return refusal.code, json.load(refusal)


def check(what, holds, seen):
    print(("ok    " if holds else "WRONG ") + what)
    if not holds:
        print("      answered:", json.dumps(seen, ensure_ascii=False))
    return holds


def is_submitted(answer):
    status, body = answer
    result = body.get("result")
    return (
        status == 200
        and body.get("error") is False
        and isinstance(result, dict)
        and result.get("status") == "SUBMITTED"
        and isinstance(result.get("qrCode"), str)
        and result["qrCode"] != ""
    )


def is_refused(answer):
    status, body = answer
    return (
        status == 400
        and body.get("error") is True
        and isinstance(body.get("result"), str)
        and body["result"] != ""
        and isinstance(body.get("message"), str)
        and body["message"] != ""
    )


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("base")
    arguments.add_argument("--license-key", default="license")
    arguments.add_argument("--client-id", default="client")
    arguments.add_argument("--secret-key", default="secret")
    arguments.add_argument("--tax-number", required=True)
    arguments.add_argument("--source", required=True)
    arguments.add_argument("--wrong-license-key", action="store_true", help="also try a key that is not valid")
    given = arguments.parse_args()
    gateway = Gateway(given.base, given.license_key, given.client_id, given.secret_key)
    supplier = {"ID": given.source, "Name": "شركة الأمثلة", "TaxNumber": given.tax_number}
    # The lines of the description's own example.
    items = [
        ("101", "جبنة بيضاء", 6, 953, 5),
        ("102", "خبز", 6, 215, 5),
        ("103", "Olives 500 g", 3, 866, 5),
        ("104", "Milk 1 l", 2, 974, 5),
    ]
    wanted = []

    document_uuid = str(uuid.uuid4())
    body = invoice("POS-000001", document_uuid, supplier, items)
    answer = gateway.submit(body)
    wanted.append(check("an invoice is submitted and has its QR code", is_submitted(answer), answer))
    echoed = answer[1].get("result") if is_submitted(answer) else {}
    wanted.append(
        check("number and UUID come back", (echoed.get("id"), echoed.get("uuid")) == ("POS-000001", document_uuid), answer)
    )

    again = gateway.submit(body)
    wanted.append(check("the same body again has the same answer", again == answer, again))

    numbered = invoice("POS-000002", "POS-000002", supplier, items[:1])
    answer = gateway.submit(numbered)
    wanted.append(check("the invoice number may stand for the UUID", is_submitted(answer), answer))

    credit = invoice("POS-000003", str(uuid.uuid4()), supplier, items[1:3])
    credit["InvoiceType"] = 2
    answer = gateway.submit(credit)
    wanted.append(check("an invoice on credit is submitted", is_submitted(answer), answer))

    wrong = invoice("POS-000004", str(uuid.uuid4()), supplier, items)
    wrong["TotalAmount"] = three(wrong["TotalAmount"] + 1)
    answer = gateway.submit(wrong)
    wanted.append(check("a total that does not fit the lines is refused", is_refused(answer), answer))
    wanted.append(check("the refusal names the field", "TotalAmount" in answer[1].get("message", ""), answer))

    wrong = invoice("POS-000005", str(uuid.uuid4()), supplier, items)
    del wrong["InvoiceLines"][1]["Price"]
    answer = gateway.submit(wrong)
    wanted.append(check("a line without a price is refused", is_refused(answer), answer))
    wanted.append(check("the refusal names the line's field", "InvoiceLines[1].Price" in answer[1].get("message", ""), answer))

    nobody = {"ID": "1", "Name": "لا أحد", "TaxNumber": "99999999"}
    answer = gateway.submit(invoice("POS-000006", str(uuid.uuid4()), nobody, items))
    wanted.append(check("a supplier that is not linked is refused", is_refused(answer), answer))

    if given.wrong_license_key:
        status, refusal = gateway.submit(body, **{"license-key": "not-the-key"})
        wanted.append(check("a wrong licence key is refused", status == 401 and refusal.get("error") is True, refusal))

    return 0 if all(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
