"""Makes the vectors of tests/vectors.rs from the text of docs/formats/keystore.md alone, with
nothing but Python's standard library. The phrase is the all-zero 256-bit one of BIP-39."""
import hashlib
import hmac

PHRASE = " ".join(["abandon"] * 23 + ["art"])
SALT = b"holdfast.keystore.1"

seed = hashlib.pbkdf2_hmac("sha512", PHRASE.encode(), b"mnemonic", 2048, 64)
prk = hmac.new(SALT, seed, hashlib.sha256).digest()
for word in (b"identity", b"issuer", b"payout", b"seal"):
    print(word.decode(), hmac.new(prk, word + b"\0" + b"\x01", hashlib.sha256).hexdigest())
