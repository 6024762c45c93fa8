# SPDX-License-Identifier: Apache-2.0
"""Random contracts and random messages, both from a seed: what property_types.py feeds to the daemon.

A contract is .proto text; beside it stands what its options say (`said`: field name in full → option →
value). Each kind of field is one entry of KINDS, and contracts draw from shuffled decks of them, so that a
handful of contracts has every kind.
"""

import ipaddress
import random

SCALARS = {"int32": (-2 ** 31, 2 ** 31 - 1), "sint32": (-2 ** 31, 2 ** 31 - 1),
           "sfixed32": (-2 ** 31, 2 ** 31 - 1), "uint32": (0, 2 ** 32 - 1), "fixed32": (0, 2 ** 32 - 1),
           "int64": (-2 ** 63, 2 ** 63 - 1), "sint64": (-2 ** 63, 2 ** 63 - 1),
           "sfixed64": (-2 ** 63, 2 ** 63 - 1), "uint64": (0, 2 ** 64 - 1), "fixed64": (0, 2 ** 64 - 1),
           "float": None, "double": None, "bool": None, "string": None, "bytes": None}
DEEPEST = 20  # messages in one another; with maps and values of Struct that stays below limits.depth, 64
WRAPPERS = ["Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes"]
TYPED = [  # type of the field, its option `type`
    ("google.type.Date", None), ("google.type.Date", "text"), ("google.type.Date", "jsonb"),
    ("google.type.TimeOfDay", None), ("google.type.TimeOfDay", "jsonb"),
    ("google.type.Money", None), ("google.type.Money", "jsonb"),
    ("google.type.Decimal", "numeric"), ("google.type.Decimal", "text"), ("google.type.Decimal", "jsonb"),
    ("google.type.LatLng", None), ("google.type.LatLng", "jsonb"),
    ("google.type.Interval", None), ("google.type.Interval", "jsonb"),
    ("google.type.PhoneNumber", None),
    ("google.protobuf.Timestamp", None), ("google.protobuf.Timestamp", "jsonb"),
    ("google.protobuf.Duration", None), ("google.protobuf.Duration", "jsonb"),
    ("google.protobuf.Struct", None), ("google.protobuf.Value", None),
    ("google.protobuf.ListValue", None),
    ("google.protobuf.FieldMask", None), ("google.protobuf.FieldMask", "jsonb"),
    ("google.protobuf.Empty", None), ("google.protobuf.Empty", "jsonb"), ("google.protobuf.Any", None),
    ("string", "uuid"), ("string", "inet"), ("string", "cidr"), ("string", "numeric"),
    ("uint64", "bigint"), ("int32", "bigint"), ("Mood", "text")]
LISTS = [("google.protobuf.Timestamp", None), ("google.protobuf.Duration", None),
         ("google.type.Date", None), ("google.type.Money", None), ("google.protobuf.Any", None),
         ("google.protobuf.StringValue", None), ("google.protobuf.Value", None), ("string", "uuid[]"),
         ("string", "inet[]"), ("string", "numeric[]"), ("uint64", "bigint[]"), ("Mood", None),
         ("Leaf", None)]
MAPS = [("string", "int64"), ("int32", "Leaf"), ("bool", "Mood"), ("uint64", "double"), ("sint64", "bytes"),
        ("string", "google.protobuf.Timestamp"), ("fixed32", "string")]
KINDS = ([(label, name, None) for label in ("plain", "optional", "repeated") for name in SCALARS] +
         [("plain", "Mood", None), ("optional", "Mood", None)] +
         [("plain", f"google.protobuf.{name}Value", None) for name in WRAPPERS] +
         [("plain", *typed) for typed in TYPED] + [("repeated", *typed) for typed in LISTS] +
         [("map", *types) for types in MAPS] +
         [("plain", "Leaf", "jsonb"), ("plain", "Hollow", None), ("plain", "Tree", None),
          ("plain", "Chain1", None), ("renamed", "string", None), ("renamed", "Leaf", None),
          ("skipped", "int64", None)])
MESSAGES = """
message Leaf { %(plain)sint32 number = 1; %(plain)sstring text = 2; repeated bool flags = 3; }
message Hollow {}
message Tree { %(plain)sstring label = 1; %(optional)sTree twin = 2; repeated Tree children = 3; }
message Chain1 {
  %(optional)sChain2 below = 1;
  %(plain)sint64 n = 2;
  oneof what { bool yes = 3; Leaf leaf = 4; }
}
message Chain2 { %(optional)sChain3 below = 1; %(optional)sgoogle.type.Money cost = 2; }
message Chain3 {
  %(optional)sChain4 below = 1;
  %(optional)sgoogle.type.LatLng spot = 2;
  %(plain)sdouble d = 3;
}
message Chain4 { %(plain)sstring text = 1; }
enum Mood {
  option allow_alias = true;
  MOOD_NONE = 0; MOOD_GLAD = 1; MOOD_MERRY = 1; MOOD_SAD = -7;
}
"""
IMPORTS = ["pactolus/options.proto"] + [f"google/protobuf/{name}.proto" for name in (
    "any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers")] + [
    f"google/type/{name}.proto" for name in (
        "date", "decimal", "interval", "latlng", "money", "phone_number", "timeofday")]


def is_message(name):
    return "." in name or name in ("Leaf", "Hollow", "Tree", "Chain1")


class Contract:
    """One .proto: message Sample of package prop.c<number>."""

    def __init__(self, number, draw, deck):
        self.number, self.draw, self.deck = number, draw, deck
        self.package = f"prop.c{number}"
        self.proto2 = number % 4 == 3
        self.said = {}  # full name of a field → {"type", "name", "skip"}
        self.kinds = set()
        self.text = self.write()

    def write(self):
        words = {"plain": "optional " if self.proto2 else "", "optional": "optional " if self.proto2 else ""}
        lines = [f"syntax = \"{'proto2' if self.proto2 else 'proto3'}\";", f"package {self.package};"]
        lines += [f'import "{name}";' for name in IMPORTS]
        lines += [MESSAGES % words, "message Sample {", f"  {words['plain']}string id = 1;"]
        number = 2
        for _ in range(26):
            lines.append("  " + self.field(f"f{number}", number, *self.take()))
            number += self.draw.choice([1, 1, 1, 15])
        lines.append("  oneof choice {")
        for _ in range(6):
            kind, *types = self.take(single=True)
            lines.append("    " + self.field(f"c{number}", number, "member", *types))
            number += 1
        lines += ["  }", "}"]
        return "\n".join(lines) + "\n"

    def take(self, single=False):
        """The next kind from the deck; `single`: one that a oneof may hold."""
        for i, kind in enumerate(self.deck):
            if not single or kind[0] in ("plain", "optional"):
                del self.deck[i]
                self.kinds.add(kind)
                return kind
        self.deck += self.draw.sample(KINDS, len(KINDS))
        return self.take(single)

    def field(self, name, number, kind, type_name, option):
        said, full = {}, f"{self.package}.Sample.{name}"
        if kind == "map":
            return f"map<{type_name}, {option}> {name} = {number};"
        if option:
            digits = f"({self.draw.choice(['12,4', '1000,500', '3,3', '20,0'])})"
            said["type"] = option.replace("numeric", "numeric" + digits)
        if kind == "renamed":
            said["name"] = f"other_{name}"
        if kind == "skipped":
            said["skip"] = "true"
        if said:
            self.said[full] = said
        label = {"repeated": "repeated ", "member": ""}.get(kind)
        if label is None:
            label = "optional " if self.proto2 or kind == "optional" else ""
        if self.proto2 and kind == "plain" and not is_message(type_name) and self.draw.random() < 0.3:
            label = "required "
        options = [f'(pactolus.column).{key} = {value if key == "skip" else chr(34) + value + chr(34)}'
                   for key, value in said.items()]
        if kind == "repeated" and SCALARS.get(type_name, "no") != "no" and \
                type_name not in ("string", "bytes") and self.draw.random() < 0.5:
            options.append(f"packed = {self.draw.choice(['true', 'false'])}")
        return f"{label}{type_name} {name} = {number}" + (f" [{', '.join(options)}]" if options else "") + ";"


def contracts(seed, count):
    draw = random.Random(seed)
    deck = draw.sample(KINDS, len(KINDS))
    return [Contract(number, draw, deck) for number in range(count)]


# --- messages ------------------------------------------------------------------------------------

WORDS = ["", "x", " blank ", "NULL", "\\N", "\\.", "tab\tnew\nline\r", "quote\"'`", "back\\slash", "{a,b}",
         "Grüße", "мир 世界", "🌍\U0010ffff", "\ufeff\u2028\uffff", "\x01\x1f\x7f", "a" * 3000, "%s $1 --"]
DOUBLES = [0.0, -0.0, 1.0, -1.5, 0.1, 1e300, -1e-300, 5e-324, 1.7976931348623157e308, float("nan"),
           float("inf"), float("-inf"), 2.0 ** 53 + 2, 1 / 3, 1e15, 123456789012345680.0, 1e22]
FLOATS = [0.0, -0.0, 1.0, 0.1, 1.5, 3.4028234663852886e38, 1.401298464324817e-45, 1.1754943508222875e-38,
          16777217.0, float("nan"), float("inf"), float("-inf"), -123.456, 1e10]
SECONDS = [-62135596800, 253402300799, 0, -1, 1, 946684800, 946684799, 951782400, 4102444800]
NANOS = [0, 1, 999, 1000, 1001, 500_000_000, 999_999_999, 123_456_789]


class Messages:
    """Random messages of one contract's classes; `classes` by full name."""

    def __init__(self, contract, classes, draw):
        self.contract, self.classes, self.draw = contract, classes, draw

    def sample(self, item):
        message = self.classes[f"{self.contract.package}.Sample"]()
        message.id = item
        self.fill(message, skip=("id",))
        return message

    def fill(self, message, depth=0, skip=()):
        descriptor = message.DESCRIPTOR
        chosen = {oneof.name: self.draw.choice([None, *oneof.fields]) for oneof in descriptor.oneofs
                  if len(oneof.fields) > 1}
        for field in descriptor.fields:
            required = field.label == field.LABEL_REQUIRED
            if field.name in skip or depth >= DEEPEST and field.message_type and not required:
                continue
            oneof = field.containing_oneof
            if oneof and oneof.name in chosen:
                if chosen[oneof.name] is not field:
                    continue
            elif not required and not self.needs_text(field) and \
                    self.draw.random() < (0.25 if depth < 3 else 0.7):
                continue
            self.set(message, field, depth)

    def needs_text(self, field):
        """Unset is empty here, and an empty text is no uuid, address or number."""
        said = self.contract.said.get(field.full_name, {}).get("type", "")
        return field.type == field.TYPE_STRING and field.label != field.LABEL_REPEATED and \
            not field.has_presence and bool(said) and said != "text"

    def set(self, message, field, depth):
        said = self.contract.said.get(field.full_name, {}).get("type", "")
        if field.label == field.LABEL_REPEATED:
            count = self.draw.choice([0, 1, 1, 2, 5])
            target = getattr(message, field.name)
            if field.message_type and field.message_type.GetOptions().map_entry:
                key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
                for _ in range(count):
                    if value.message_type:
                        self.put(target[self.scalar(key, "")], depth + 1)
                    else:
                        target[self.scalar(key, "")] = self.scalar(value, "")
            else:
                for _ in range(count):
                    if field.message_type:
                        self.put(target.add(), depth + 1)
                    else:
                        target.append(self.scalar(field, said[:-2] if said.endswith("[]") else said))
        elif field.message_type:
            target = getattr(message, field.name)
            target.SetInParent()
            self.put(target, depth + 1, said)
        else:
            setattr(message, field.name, self.scalar(field, said))

    def scalar(self, field, said):
        draw = self.draw
        name = [n for n in SCALARS if getattr(field, f"TYPE_{n.upper()}") == field.type]
        if field.enum_type:
            known = [value.number for value in field.enum_type.values]
            return draw.choice(known if self.contract.proto2 else [*known, 99, -2 ** 31, 2 ** 31 - 1])
        if name[0] == "bool":
            return draw.random() < 0.5
        if name[0] == "double":
            return draw.choice([*DOUBLES, draw.uniform(-1e6, 1e6)])
        if name[0] == "float":
            return draw.choice([*FLOATS, draw.uniform(-1e6, 1e6)])
        if name[0] == "bytes":
            return draw.choice([b"", b"\0", b"\\x00", bytes(range(256)), draw.randbytes(draw.randrange(40))])
        if name[0] == "string":
            return self.string(said)
        low, high = SCALARS[name[0]]
        if said == "bigint":
            high = min(high, 2 ** 63 - 1)
        return draw.choice([low, high, 0, 1, max(low, -1), draw.randint(low, high)])

    def string(self, said):
        draw = self.draw
        if said == "uuid":
            text = f"{draw.getrandbits(128):032x}"
            text = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
            return draw.choice([text, text.upper()])
        if said == "inet" or said == "cidr":
            six = draw.random() < 0.5
            width = 128 if six else 32
            number = draw.choice([0, 1, 2 ** width - 1,
                                  (0x2001 << 112 if six else 10 << 24) + draw.getrandbits(24),
                                  draw.getrandbits(width) | 1 << width - 1])
            bits = draw.randint(0, width)
            make = ipaddress.IPv6Address if six else ipaddress.IPv4Address
            if said == "cidr":
                return f"{make(number >> width - bits << width - bits)}/{bits}"
            return draw.choice([str(make(number)), f"{make(number)}/{bits}"])
        if said.startswith("numeric"):
            return self.number(said)
        points = [draw.choice([draw.randrange(1, 0xd800), draw.randrange(0xe000, 0x110000)])
                  for _ in range(draw.randrange(20))]
        return draw.choice([*WORDS, "".join(map(chr, points))])

    def number(self, said):
        """A text of a number that numeric(p,s) holds exactly, in one of its many forms."""
        draw = self.draw
        precision, scale = map(int, said[said.index("(") + 1:said.index(")")].split(","))
        kept = draw.randint(0, min(precision, draw.choice([3, 12, precision])))
        digits = "".join(draw.choice("0123456789") for _ in range(kept)) or "0"
        shift = -draw.randint(0, scale)  # digits × 10^shift
        if len(digits) + shift > precision - scale:
            shift = -scale
        sign = draw.choice(["", "-", "+"])
        form = draw.randrange(4)
        if form == 0:
            return f"{sign}{digits}e{shift}"
        if form == 1:
            return f"{sign}000{digits}00E{shift - 2:+d}"
        padded = digits.rjust(-shift + 1, "0")
        whole, rest = padded[:len(padded) + shift], padded[len(padded) + shift:]
        if form == 2:
            return f"{sign}{whole}.{rest}" if rest else f"{sign}{whole}."
        return f"{sign}{whole.lstrip('0') or ('' if rest else '0')}.{rest}" if rest else f"{sign}{whole}"

    # --- messages that mean something of their own

    def put(self, message, depth, said=""):
        known = getattr(self, "put_" + message.DESCRIPTOR.full_name.rsplit(".", 1)[-1], None)
        if known and message.DESCRIPTOR.full_name.startswith("google."):
            known(message, said)
        else:
            self.fill(message, depth)

    def put_Timestamp(self, message, said):
        seconds = self.draw.choice([*SECONDS, self.draw.randint(SECONDS[0], SECONDS[1])])
        message.seconds, message.nanos = seconds, self.draw.choice(NANOS)

    def put_Duration(self, message, said):
        seconds = self.draw.choice([0, 1, 3661, 86400, 315_576_000_000, self.draw.randrange(10 ** 9)])
        sign = self.draw.choice([1, -1])
        message.seconds, message.nanos = sign * seconds, sign * self.draw.choice(NANOS)

    def put_Date(self, message, said):
        draw = self.draw
        year = draw.choice([1, 9999, 2000, 1900, draw.randint(1, 9999)])
        month = draw.randint(1, 12)
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        last = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
        message.year, message.month, message.day = year, month, draw.choice([1, last, draw.randint(1, last)])
        if said == "text":
            form = draw.randrange(4)
            if form == 1:
                message.day = 0
            elif form == 2:
                message.month = message.day = 0
            elif form == 3:
                message.year, message.month, message.day = 0, 2, 29

    def put_TimeOfDay(self, message, said):
        draw = self.draw
        message.hours, message.minutes, message.seconds = draw.choice(
            [(0, 0, 0), (23, 59, 59), (24, 0, 0),
             (draw.randrange(24), draw.randrange(60), draw.randrange(60))])
        if message.hours < 24:
            message.nanos = draw.choice(NANOS)

    def put_Money(self, message, said):
        draw = self.draw
        message.currency_code = draw.choice(["EUR", "", "XAU"])
        sign = draw.choice([1, -1])
        units = draw.choice([0, 1, 2 ** 63 - 1, draw.randrange(10 ** 12)])
        message.units, message.nanos = sign * units, sign * draw.choice(NANOS)
        if draw.random() < 0.05:
            message.units, message.nanos = -2 ** 63, -999_999_999

    def put_Decimal(self, message, said):
        message.value = self.number(said) if said.startswith("numeric") and self.draw.random() < 0.9 else (
            "" if said.startswith("numeric") else self.string(""))

    def put_LatLng(self, message, said):
        message.latitude = self.draw.choice([90, -90, 0, -0.0, self.draw.uniform(-90, 90)])
        message.longitude = self.draw.choice([180, -180, -0.0, self.draw.uniform(-180, 180)])

    def put_Interval(self, message, said):
        seconds = sorted(self.draw.choice([*SECONDS, self.draw.randint(SECONDS[0], SECONDS[1])])
                         for _ in range(2))
        nanos = [self.draw.choice(NANOS) for _ in range(2)]
        if seconds[0] == seconds[1]:
            nanos.sort()
        for name, second, nano in zip(("start_time", "end_time"), seconds, nanos):
            if self.draw.random() < 0.8:
                getattr(message, name).seconds, getattr(message, name).nanos = second, nano

    def put_FieldMask(self, message, said):
        paths = ["a", "unit_price", "a.b_c", "lines.sku"]
        message.paths.extend(self.draw.sample(paths, self.draw.randrange(4)))

    def put_Any(self, message, said):
        draw = self.draw
        inner = draw.choice([f"{self.contract.package}.Leaf", f"{self.contract.package}.Tree",
                             "google.protobuf.Duration", "google.protobuf.Struct", "google.type.Money", None,
                             "", "google.protobuf.Any", "google.protobuf.Int64Value"])
        if inner is None:
            message.type_url, message.value = "type.example/not.in.the.Set", draw.randbytes(draw.randrange(9))
        elif inner:
            body = self.classes[inner]()
            self.put(body, 3)
            message.type_url, message.value = f"type.googleapis.com/{inner}", body.SerializeToString()

    def put_Struct(self, message, said, depth=0):
        for key in self.draw.sample(WORDS[:9], self.draw.randrange(4)):
            self.put_Value(message.fields[key], said, depth + 1)

    def put_ListValue(self, message, said, depth=0):
        for _ in range(self.draw.randrange(4)):
            self.put_Value(message.values.add(), said, depth + 1)

    def put_Value(self, message, said, depth=0):
        draw = self.draw
        form = draw.randrange(4 if depth > 3 else 6)
        if form == 0:
            message.null_value = 0
        elif form == 1:
            message.number_value = draw.choice([n for n in DOUBLES if n - n == 0])
        elif form == 2:
            message.string_value = draw.choice(WORDS)
        elif form == 3:
            message.bool_value = draw.random() < 0.5
        elif form == 4:
            message.struct_value.SetInParent()
            self.put_Struct(message.struct_value, said, depth)
        else:
            message.list_value.SetInParent()
            self.put_ListValue(message.list_value, said, depth)


# --- messages that no row can hold -----------------------------------------------------------------

SPOILERS = {  # (type of the field, its option) → what makes the message a dead letter
    ("google.type.Date", ""): lambda m: setattr(m, "year", 10000),
    ("google.type.TimeOfDay", ""): lambda m: (m.Clear(), setattr(m, "seconds", 60)),
    ("google.type.Money", ""): lambda m: (setattr(m, "units", 1), setattr(m, "nanos", -1)),
    ("google.type.LatLng", ""): lambda m: setattr(m, "latitude", 90.0000001),
    ("google.protobuf.Timestamp", ""): lambda m: setattr(m, "seconds", 253402300800),
    ("google.protobuf.Duration", ""): lambda m: (setattr(m, "seconds", 1), setattr(m, "nanos", -1)),
    ("google.type.Interval", ""): lambda m: (setattr(m.start_time, "seconds", 2),
                                             setattr(m.end_time, "seconds", 1)),
}
SPOILED_TEXT = {"uuid": "not-a-uuid", "inet": "10.0.0.256", "cidr": "10.0.0.1/8"}


def too_many_digits(said, draw):
    """One digit more than numeric(p,s) has, before the point or behind it."""
    precision, scale = map(int, said[said.index("(") + 1:said.index(")")].split(","))
    return draw.choice([f"1e{precision - scale}", f"-7e{-scale - 1}"])


def spoil(contract, message, draw):
    """Put a value that has no column form into one field; False when there is none that could take it."""
    able = []
    for field in message.DESCRIPTOR.fields:
        said = contract.said.get(field.full_name, {})
        option = said.get("type", "").split("(")[0]
        if field.label == field.LABEL_REPEATED or "skip" in said:
            continue
        if field.message_type and (field.message_type.full_name, option) in SPOILERS:
            able.append(lambda f=field, o=option: (
                getattr(message, f.name).SetInParent(),
                SPOILERS[f.message_type.full_name, o](getattr(message, f.name))))
        elif option == "numeric" and field.message_type:
            able.append(lambda f=field, o=said["type"]: setattr(
                getattr(message, f.name), "value", too_many_digits(o, draw)))
        elif option == "numeric":
            able.append(lambda f=field, o=said["type"]: setattr(message, f.name, too_many_digits(o, draw)))
        elif field.type == field.TYPE_STRING and option in SPOILED_TEXT:
            able.append(lambda f=field, o=option: setattr(message, f.name, SPOILED_TEXT[o]))
        elif field.type == field.TYPE_UINT64 and option == "bigint":
            able.append(lambda f=field: setattr(message, f.name, 2 ** 63))
    if able:
        draw.choice(able)()
    return bool(able)
