# SPDX-License-Identifier: Apache-2.0
"""What a table must hold of a message, by another implementation: python protobuf decodes, and the mapping
of docs/contracts.md is written here once more, from its words.

Values are compared in one form: the text that PostgreSQL prints (timezone UTC, intervalstyle postgres), but
floats as their bits, lists as lists, and jsonb as what json.loads makes of it, all numbers as doubles.
"""

import base64
import datetime
import decimal
import ipaddress
import json
import math
import re
import struct

EPOCH = datetime.datetime(1970, 1, 1)
INTEGERS = {"int32": "integer", "sint32": "integer", "sfixed32": "integer", "int64": "bigint",
            "sint64": "bigint", "sfixed64": "bigint", "uint32": "bigint", "fixed32": "bigint", "uint64": "numeric(20,0)",
            "fixed64": "numeric(20,0)"}
SCALARS = dict(INTEGERS, float="real", double="double precision", bool="boolean", string="text", bytes="bytea")
MESSAGES = {"google.protobuf.Timestamp": "timestamp with time zone", "google.protobuf.Duration": "interval",
            "google.type.Date": "date", "google.type.TimeOfDay": "time without time zone",
            "google.type.Interval": "tstzrange"}
NAMES = {"time": "time without time zone"}
OPENED, FLAT = 3, "google."  # messages around a column at most; packages whose messages are another matter


def scalar_name(field):
    return next(name for name in SCALARS if getattr(field, f"TYPE_{name.upper()}") == field.type)


def real_oneof(field):
    oneof = field.containing_oneof
    return oneof if oneof and oneof.name != "_" + field.name else None


def is_map(field):
    return bool(field.message_type) and field.message_type.GetOptions().map_entry


def is_list(field):
    return field.label == field.LABEL_REPEATED


# --- forms ---------------------------------------------------------------------------------------


def fraction(micros):
    return f".{micros:06d}".rstrip("0").rstrip(".")


def timestamp(seconds, nanos):
    at = EPOCH + datetime.timedelta(seconds=seconds, microseconds=nanos // 1000)
    return f"{at:%H:%M:%S}".join([f"{at.year:04d}-{at:%m-%d} ", fraction(at.microsecond)]) + "+00"


def clock(micros):
    seconds = micros // 1_000_000
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{fraction(micros % 1_000_000)}"


def interval(micros):
    return ("-" if micros < 0 else "") + clock(abs(micros))


def money(message):
    nanos = message.units * 10 ** 9 + message.nanos
    return f"{'-' if nanos < 0 else ''}{abs(nanos) // 10 ** 9}.{abs(nanos) % 10 ** 9:09d}"


def exact(text, scale):
    """A decimal number with `scale` digits behind the point."""
    with decimal.localcontext() as context:
        context.prec, context.traps[decimal.Inexact] = 3000, True
        number = decimal.Decimal(text or "0").quantize(decimal.Decimal(1).scaleb(-scale))
        return format(abs(number) if number == 0 else number, "f")


def bits(value, form):
    return "nan" if math.isnan(value) else struct.pack(form, value).hex()


def network(text, cidr):
    found = ipaddress.ip_interface(text)
    whole = found.network.prefixlen == found.max_prefixlen
    return str(found.ip) if whole and not cidr else f"{found.ip}/{found.network.prefixlen}"


def tstzrange(message):
    bounds = [timestamp(at.seconds, at.nanos) if message.HasField(name) else None
              for name, at in (("start_time", message.start_time), ("end_time", message.end_time))]
    if bounds[0] and bounds[0] == bounds[1]:
        return "empty"
    return "".join(['["' + bounds[0] + '"' if bounds[0] else "(", ",",
                    '"' + bounds[1] + '"' if bounds[1] else "", ")"])


def date_text(message):
    year, month, day = message.year, message.month, message.day
    if not year:
        return f"--{month:02d}-{day:02d}"
    return f"{year:04d}" + (f"-{month:02d}" if month else "") + (f"-{day:02d}" if day else "")


def enum_text(field, number):
    names = [value.name for value in field.enum_type.values if value.number == number]
    return names[0] if names else str(number)


def cell(kind, field, value):
    """One value as a column of type `kind`."""
    if field.enum_type:
        return enum_text(field, value)
    if field.message_type and field.message_type.full_name.endswith("Value") and kind != "jsonb":
        return cell(kind, value.DESCRIPTOR.fields_by_name["value"], value.value)
    if kind == "boolean":
        return "t" if value else "f"
    if kind in ("integer", "bigint", "numeric(20,0)") and isinstance(value, int):
        return str(value)
    if kind == "real":
        return bits(value, ">f")
    if kind == "double precision":
        return bits(value, ">d")
    if kind == "bytea":
        return "\\x" + value.hex()
    if kind == "uuid":
        return value.lower()
    if kind in ("inet", "cidr"):
        return network(value, kind == "cidr")
    if kind.startswith("numeric"):
        text = value if isinstance(value, str) else value.value
        return exact(text, int(re.search(r",(\d+)\)", kind).group(1)))
    if kind == "timestamp with time zone":
        return timestamp(value.seconds, value.nanos)
    if kind == "interval":
        nanos = value.seconds * 10 ** 9 + value.nanos
        return interval(abs(nanos) // 1000 * (1 if nanos > 0 else -1))
    if kind == "date" or kind == "text" and hasattr(value, "year"):
        return date_text(value)
    if kind == "time without time zone":
        return clock(((value.hours * 60 + value.minutes) * 60 + value.seconds) * 10 ** 6 + value.nanos // 1000)
    if kind == "tstzrange":
        return tstzrange(value)
    return value if isinstance(value, str) else value.value


# --- columns ---------------------------------------------------------------------------------------


class Column:
    """`get(holder)`: the value in the message that has the field; `around`: the fields that lead there."""

    def __init__(self, name, kind, around, get, absent=None):
        self.name, self.kind, self.around, self.get, self.absent = name, kind, around, get, absent

    def wanted(self, message):
        for name in self.around:
            if not message.HasField(name):
                return self.absent
            message = getattr(message, name)
        return self.get(message)


def presence(name, around, field):
    return Column(name, "boolean", around, lambda m: "t" if m.HasField(field.name) else "f", "f")


def opens(field, above):
    return field.message_type and not is_list(field) and not field.message_type.full_name.startswith(FLAT) and \
        len(above) <= OPENED and field.message_type not in above


def kind_of(field, option):
    if option:
        return NAMES.get(option.removesuffix("[]"), option.removesuffix("[]"))
    if field.enum_type:
        return "text"
    if not field.message_type:
        return SCALARS[scalar_name(field)]
    name = field.message_type.full_name
    if is_map(field) or is_list(field) and not name.startswith(("google.protobuf.Timestamp", "google.protobuf.Dur")):
        return "jsonb"
    if re.fullmatch(r"google\.protobuf\.\w+Value", name) and name != "google.protobuf.ListValue":
        return SCALARS[scalar_name(field.message_type.fields_by_name["value"])]
    return MESSAGES.get(name, "jsonb")


class Mapping:
    """The columns of a contract's messages; `classes` by full name, for Any."""

    def __init__(self, contract, classes):
        self.contract, self.classes = contract, classes
        sample = classes[f"{contract.package}.Sample"].DESCRIPTOR
        self.columns = list(self.of_message(sample, (), "", (sample,)))

    def of_message(self, descriptor, around, prefix, above):
        seen = set()
        for field in sorted(descriptor.fields, key=lambda f: f.number):
            oneof = real_oneof(field)
            if oneof and oneof.name not in seen:
                seen.add(oneof.name)
                yield Column(prefix + oneof.name, "text", around, lambda m, o=oneof.name: m.WhichOneof(o))
            said = self.contract.said.get(field.full_name, {})
            if "skip" not in said:
                yield from self.of_field(field, said, around, prefix + said.get("name", field.name), above)

    def of_field(self, field, said, around, name, above):
        option, message = said.get("type", ""), field.message_type
        known = message.full_name if message and not is_list(field) and not option else ""
        inside = (*around, field.name)
        if not option and opens(field, above):
            if not real_oneof(field) and field.label != field.LABEL_REQUIRED:
                yield presence(f"{name}_present", around, field)
            yield from self.of_message(message, inside, name + "_", (*above, message))
        elif known == "google.type.Money":
            yield Column(name, "numeric(28,9)", inside, money)
            yield Column(name + "_currency", "text", inside, lambda m: m.currency_code)
        elif known == "google.type.LatLng":
            yield Column(name + "_latitude", "double precision", inside, lambda m: bits(m.latitude, ">d"))
            yield Column(name + "_longitude", "double precision", inside, lambda m: bits(m.longitude, ">d"))
        elif known == "google.protobuf.FieldMask":
            yield Column(name, "text[]", inside, lambda m: list(m.paths))
        elif known == "google.protobuf.Empty":
            yield presence(name, around, field)
        else:
            kind = kind_of(field, option)
            array = is_list(field) and kind != "jsonb"
            yield Column(name, kind + "[]" * array, around, lambda m: self.get(field, kind, array, m))

    def get(self, field, kind, array, holder):
        if not is_list(field) and field.has_presence and not holder.HasField(field.name):
            return None
        if kind == "jsonb":
            return self.json_field(holder, field)
        value = getattr(holder, field.name)
        return [cell(kind, field, item) for item in value] if array else cell(kind, field, value)

    # --- Protobuf's JSON form, with the names of the .proto and with zeros

    def json_field(self, holder, field):
        value = getattr(holder, field.name)
        if is_map(field):
            item = field.message_type.fields_by_name["value"]
            return {str(key).lower() if isinstance(key, bool) else str(key): self.json_value(item, value[key])
                    for key in value}
        if is_list(field):
            return [self.json_value(field, item) for item in value]
        return self.json_value(field, value)

    def json_value(self, field, value):
        if field.message_type:
            return self.json_message(value)
        if field.enum_type:
            text = enum_text(field, value)
            return float(value) if text == str(value) else text
        name = scalar_name(field)
        if name in ("float", "double"):
            if math.isfinite(value):
                return shortest(value) if name == "float" else value
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        if name == "bytes":
            return base64.b64encode(value).decode()
        if name.endswith("64"):
            return str(value)
        return float(value) if name in INTEGERS else value

    def json_message(self, m):
        name = m.DESCRIPTOR.full_name
        special = getattr(self, "json_" + name.rsplit(".", 1)[-1], None) if name.startswith("google.p") else None
        if special:
            return special(m)
        if re.fullmatch(r"google\.protobuf\.\w+Value", name):
            return self.json_field(m, m.DESCRIPTOR.fields_by_name["value"])
        return {f.name: self.json_field(m, f) for f in m.DESCRIPTOR.fields
                if is_list(f) or not f.has_presence or m.HasField(f.name)}

    def json_Timestamp(self, m):
        return timestamp(m.seconds, 0)[:-3].replace(" ", "T") + nano_fraction(m.nanos) + "Z"

    def json_Duration(self, m):
        sign = "-" if m.seconds < 0 or m.nanos < 0 else ""
        return f"{sign}{abs(m.seconds)}{nano_fraction(abs(m.nanos))}s"

    def json_FieldMask(self, m):
        return ",".join(re.sub("_(.)", lambda c: c.group(1).upper(), path) for path in m.paths)

    def json_Empty(self, m):
        return {}

    def json_Struct(self, m):
        return {key: self.json_Value(m.fields[key]) for key in m.fields}

    def json_ListValue(self, m):
        return [self.json_Value(item) for item in m.values]

    def json_Value(self, m):
        case = m.WhichOneof("kind")
        if case in ("struct_value", "list_value"):
            return self.json_message(getattr(m, case))
        return None if case in ("null_value", None) else getattr(m, case)

    def json_Any(self, m):
        inner = self.classes.get(m.type_url.rpartition("/")[2]) if "/" in m.type_url else None
        if not inner:
            return {"type_url": m.type_url, "value": base64.b64encode(m.value).decode()} if m.ByteSize() else {}
        body = self.json_message(inner.FromString(m.value))
        plain = inner.DESCRIPTOR.full_name.startswith("google.protobuf.")
        return {"@type": m.type_url, "value": body} if plain else {"@type": m.type_url, **body}


def nano_fraction(nanos):
    digits = f"{nanos:09d}"
    return "" if not nanos else "." + (digits[:3] if digits.endswith("000000") else
                                       digits[:6] if digits.endswith("000") else digits)


def shortest(value):
    """The shortest decimal that is this float, as a double."""
    return next(number for number in (float(f"{value:.{n}g}") for n in range(1, 18))
                if struct.pack(">f", number) == struct.pack(">f", value))


def numbers(value):
    """JSON with all numbers as doubles."""
    if isinstance(value, dict):
        return {key: numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [numbers(item) for item in value]
    return value if isinstance(value, (str, bool)) or value is None else float(value)


# --- reading -----------------------------------------------------------------------------------------


def from_psycopg2(kind, value):
    """What psycopg2 makes of a cell, in the form of this module."""
    if value is None:
        return None
    if kind.endswith("[]"):
        if isinstance(value, str):  # of a type whose arrays psycopg2 leaves as text
            return from_text(kind, value)
        return [from_psycopg2(kind[:-2], item) for item in value]
    if kind == "jsonb":
        return numbers(value)
    if kind == "boolean":
        return "t" if value else "f"
    if kind == "real":
        return bits(value, ">f")
    if kind == "double precision":
        return bits(value, ">d")
    if kind == "bytea":
        return "\\x" + bytes(value).hex()
    if kind.startswith("numeric"):
        return format(value, "f")
    if kind == "timestamp with time zone":
        since = value.replace(tzinfo=None) - EPOCH
        return timestamp(since // datetime.timedelta(seconds=1), since.microseconds * 1000)
    if kind == "interval":
        return interval(value // datetime.timedelta(microseconds=1))
    if kind == "date":
        return f"{value.year:04d}-{value:%m-%d}"
    if kind == "tstzrange":
        if value.isempty:
            return "empty"
        lower, upper = (at and f'"{from_psycopg2("timestamp with time zone", at)}"'
                        for at in (value.lower, value.upper))
        return "(["[value.lower_inc] + (lower or "") + "," + (upper or "") + ")]"[value.upper_inc]
    return str(value)


def array_items(text):
    """The elements of an array literal of one dimension; none is NULL here."""
    if text == "{}":
        return []
    items, at = [], 1
    while text[at - 1] != "}":
        quoted = re.compile(r'"((?:[^"\\]|\\.)*)"', re.S).match(text, at)
        found = quoted or re.compile(r"[^,}]*").match(text, at)
        items.append(re.sub(r"\\(.)", r"\1", found.group(1), flags=re.S) if quoted else found.group(0))
        at = found.end() + 1
    return items


def from_text(kind, text):
    """What psql prints of a cell."""
    if kind.endswith("[]"):
        return [from_text(kind[:-2], item) for item in array_items(text)]
    if kind == "jsonb":
        return numbers(json.loads(text))
    if kind in ("real", "double precision"):
        return bits(float(text), ">f" if kind == "real" else ">d")
    return text


ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def copy_rows(output):
    """COPY's text format, from bytes: rows of cells, None for NULL."""
    for line in output.decode().split("\n")[:-1]:
        yield [None if item == "\\N" else re.sub(r"\\(.)", lambda m: ESCAPES.get(m.group(1), m.group(1)), item)
               for item in line.split("\t")]
