"""For each ready-made target, what its module's example text says, as a careful reader would
write it down.
"""

from __future__ import annotations

from typing import Any

EXAMPLES: dict[str, dict[str, Any]] = {
    "address": {
        "unit": "Flat 3",
        "house_number": "221B",
        "street": "Baker Street",
        "district": "Marylebone",
        "city": "London",
        "postal_code": "NW1 6XE",
        "country": "United Kingdom",
        "country_code": "GB",
    },
    "contact": {
        "name": "Amara Okafor",
        "honorific": "Dr.",
        "organization": "Northwind Traders GmbH",
        "job_title": "Head of Procurement",
        "emails": ["a.okafor@northwind.example"],
        "phones": [
            {"number": "+49 40 1234 5678", "kind": "work"},
            {"number": "+49 171 555 0199", "kind": "mobile"},
        ],
        "addresses": [
            {
                "street": "Hafenstrasse",
                "house_number": "12",
                "postal_code": "20457",
                "city": "Hamburg",
            }
        ],
        "websites": ["https://northwind.example"],
    },
    "contract_terms": {
        "title": "Services Agreement",
        "kind": "services",
        "parties": [
            {"name": "Halden Systems AS", "role": "Supplier"},
            {"name": "Fjord Retail ASA", "role": "Customer"},
        ],
        "signed": "2023-05-03",
        "effective": "2023-06-01",
        "term": {"number": 24, "unit": "months"},
        "renewal": "automatic",
        "renewal_term": {"number": 12, "unit": "months"},
        "notice": {"number": 90, "unit": "days"},
        "amounts": [
            {
                "purpose": "services",
                "amount": "48000",
                "currency": "NOK",
                "period": "month",
                "due": {"number": 30, "unit": "days"},
                "payer": "Customer",
            }
        ],
        "governing_law": "Norwegian law",
        "clauses": [
            {
                "topic": "liability",
                "summary": "Capped at twelve months' fees.",
                "quote": "capped at the fees of twelve months",
            }
        ],
    },
    "event": {
        "title": "Ice Cores and Memory",
        "kind": "talk",
        "start_date": "2024-02-08",
        "start_time": "18:30",
        "end_time": "20:00",
        "venue": "Old Hall",
        "location": "University of Bergen",
        "participants": ["Ines Duarte"],
        "price": 0,
        "registration": "until 1 February at lecture@uib.example",
    },
    "invoice": {
        "number": "2024-0117",
        "issue_date": "2024-01-17",
        "due_date": "2024-02-16",
        "seller": {"name": "Borealis Print Ltd", "tax_id": "GB123456789"},
        "buyer": {"name": "Green Fern Café"},
        "currency": "GBP",
        "lines": [
            {"description": "Poster A2", "quantity": 2, "unit_price": "14.50", "amount": "29.00"},
            {
                "description": "Design, flat fee",
                "quantity": 1,
                "unit_price": "120.00",
                "amount": "120.00",
            },
        ],
        "subtotal": "149.00",
        "taxes": [{"name": "VAT", "rate": 20, "amount": "29.80"}],
        "total": "178.80",
        "iban": "GB33BUKB20201555555555",
    },
    "job_posting": {
        "title": "Platform Engineer",
        "locations": ["Lisbon"],
        "workplace": "remote",
        "employment": "full-time",
        "salary": {"minimum": 55000, "maximum": 70000, "currency": "EUR", "period": "year"},
        "requirements": [
            {"text": "Kubernetes", "years": 3},
            {"text": "Go", "years": 3},
            {"text": "Rust", "required": False},
        ],
        "benefits": ["equity", "27 days of leave"],
        "apply_by": "2024-06-30",
        "apply_at": "jobs.lusotech.example",
        "reference": "PE-17",
    },
    "knowledge_graph": {
        "nodes": [
            {"name": "Brenner Base Tunnel", "type": "tunnel"},
            {"name": "BBT SE", "type": "company"},
            {"name": "Innsbruck", "type": "city"},
        ],
        "triples": [
            {
                "subject": "BBT SE",
                "predicate": "builds",
                "object": "Brenner Base Tunnel",
                "when": "since 2008",
            },
            {
                "subject": "Brenner Base Tunnel",
                "predicate": "links",
                "object": "Innsbruck",
                "quote": "will link Innsbruck in Austria",
            },
        ],
    },
    "log_line": {
        "timestamp": "Mar  3 06:25:14",
        "host": "web-2",
        "program": "sshd",
        "pid": 4121,
        "message": "Failed password for admin from 203.0.113.9 port 52114 ssh2",
        "action": "login",
        "outcome": "failure",
        "user": "admin",
        "source_ip": "203.0.113.9",
        "source_port": 52114,
        "values": [{"name": "protocol", "value": "ssh2"}],
    },
    "medical_note": {
        "age_years": 67,
        "sex": "female",
        "reason": "productive cough",
        "findings": [
            {"name": "productive cough", "duration": "5 d"},
            {"name": "chest pain", "status": "absent"},
            {"name": "Crackles", "body_site": "R base"},
        ],
        "measurements": [
            {"name": "BP", "value": "142/88"},
            {"name": "SpO2", "value": "94", "unit": "%"},
        ],
        "diagnoses": [
            {"name": "community-acquired pneumonia", "certainty": "suspected"},
            {"name": "HTN", "status": "past"},
        ],
        "medications": [
            {
                "name": "amoxicillin",
                "dose": "1 g",
                "route": "PO",
                "frequency": "TID",
                "duration": "7 d",
                "action": "start",
            }
        ],
        "allergies": [{"substance": "sulfa", "reaction": "rash"}],
        "procedures": ["CXR"],
        "follow_up": "recheck in 48 h",
    },
    "named_entities": {
        "entities": [
            {"text": "Marie Skłodowska", "label": "person"},
            {"text": "Warsaw", "label": "location"},
            {"text": "Sorbonne", "label": "organization"},
            {"text": "1891", "label": "date"},
            {"text": "Pierre Curie", "label": "person"},
            {"text": "polonium", "label": "substance"},
        ]
    },
    "product": {
        "name": "Aurora Trail 40 backpack",
        "category": "backpack",
        "gtin": "4006381333931",
        "price": {"amount": "99.00", "currency": "USD", "regular_amount": "139.00"},
        "availability": "in stock",
        "colours": ["pine green"],
        "materials": ["recycled ripstop nylon"],
        "attributes": [
            {"name": "volume", "value": "40", "unit": "l"},
            {"name": "weight", "value": "1.25", "unit": "kg"},
        ],
        "features": ["rain cover included"],
        "rating": 4.6,
        "rating_count": 212,
    },
    "receipt": {
        "merchant": "KONSUM MARKT",
        "merchant_address": "Leipzig, Karl-Str. 8",
        "purchase_date": "2024-03-14",
        "purchase_time": "18:42",
        "currency": "EUR",
        "items": [
            {"name": "Vollmilch 1l", "price": "1.19", "category": "drink"},
            {
                "name": "Äpfel",
                "quantity": "0.842",
                "unit": "kg",
                "price": "2.52",
                "category": "food",
            },
        ],
        "total": "3.71",
        "payment_method": "cash",
    },
    "recipe": {
        "title": "Lemon drizzle cake",
        "servings": 8,
        "total_minutes": 60,
        "diets": ["vegetarian"],
        "ingredients": [
            {"name": "butter", "quantity": 225, "unit": "g", "preparation": "soft"},
            {"name": "eggs", "quantity": 4},
            {"name": "salt", "unit": "pinch"},
        ],
        "steps": [
            {"text": "Beat butter and sugar, add the eggs one by one."},
            {"text": "Bake", "minutes": 45, "temperature": 180, "temperature_unit": "C"},
        ],
    },
    "resume": {
        "contact": {
            "name": "Jonas Lindqvist",
            "emails": ["jonas@lindqvist.example"],
            "addresses": [{"city": "Gothenburg"}],
        },
        "jobs": [
            {
                "title": "Senior Data Engineer",
                "employer": "Polar Analytics AB",
                "start": "2019",
                "current": True,
            },
            {
                "title": "Developer",
                "employer": "Norrsken Labs",
                "start": "2016-08",
                "end": "2018-12",
            },
        ],
        "education": [
            {"institution": "Chalmers", "degree": "MSc", "field": "Computer Science", "end": "2016"}
        ],
        "skills": ["Python", "SQL", "Terraform"],
        "languages": [
            {"name": "Swedish", "level": "native"},
            {"name": "English", "level": "advanced"},
        ],
    },
    "security_advisory": {
        "title": "Heap overflow in libquill",
        "published": "2024-02-12",
        "vulnerabilities": [
            {
                "ids": ["CVE-2024-0001"],
                "cwe": ["CWE-787"],
                "summary": "A heap overflow in the JPEG decoder lets a crafted image run code.",
                "cvss_score": 8.8,
                "cvss_vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H",
                "impact": ["code execution"],
                "exploited": True,
            }
        ],
        "products": [
            {
                "name": "libquill",
                "affected_versions": ["2.0 up to and including 2.4.1"],
                "fixed_versions": ["2.4.2"],
            }
        ],
        "mitigations": ["disable JPEG"],
        "credits": ["Mina Castellanos"],
    },
    "support_ticket": {
        "subject": "Android app crashes in Reports",
        "requests": [
            {
                "kind": "bug",
                "summary": "The app crashes when Reports is opened.",
                "product": "Android app",
            }
        ],
        "urgency": "high",
        "sentiment": "negative",
        "customer_name": "Maria",
        "customer_email": "maria@lumen.example",
        "account_ids": ["88-1203"],
        "software_version": "5.2",
        "environment": ["Pixel 8"],
        "steps": ["open Reports"],
        "tried": ["reinstalled twice"],
        "language": "en",
    },
}
