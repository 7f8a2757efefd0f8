"""JSON in and out; numbers keep the decimals they came with."""

from decimal import Decimal
from typing import Final

import msgspec

FHIR_JSON: Final = "application/fhir+json"

decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode
encode: Final = msgspec.json.Encoder(decimal_format="number").encode
