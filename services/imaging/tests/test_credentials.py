"""Content Credentials (C2PA): what a stranger's photo claims is told, and ours are signed where the newsroom has a certificate."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
import pyvips
from c2pa import Builder, C2paSigningAlg, Context, Reader, Signer
from c2pa import Settings as C2paSettings
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from structlog.testing import capture_logs

from contracts.content import Provenance
from imaging.credentials import read_credentials
from imaging.decoder import Decoder, Order
from imaging.domain.provenance import provenance_in
from imaging.domain.renditions import CONTENT_TYPES, Rendition
from imaging.domain.words import Words
from imaging.renderer.credentials import MANIFEST_STORE, Seal
from imaging.settings import Settings

from .conftest import picture

AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
JPEG = ("jpeg",)
SIZES = (
    Rendition("w320", 320, formats=JPEG),
    Rendition("w640", 640),
    Rendition("1x1", 640, 640, JPEG),
    Rendition("w700", 700, formats=JPEG),
)


class Hand:
    """Somebody who signs: a root of their own, and a certificate with its key under it."""

    def __init__(self, organisation, make_key=lambda: ec.generate_private_key(ec.SECP256R1()), days=30):
        root_key, self.key = ec.generate_private_key(ec.SECP256R1()), make_key()
        root_name = name(f"{organisation} root")
        self.root = pem(certificate(root_name, root_key, root_name, root_key, is_root=True))
        own = certificate(name(organisation), self.key, root_name, root_key, days=days)
        self.certificates = pem(own) + self.root
        self.key_pem = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    @property
    def credentials(self):
        return read_credentials(self.certificates, self.key_pem)


def name(text):
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, text), x509.NameAttribute(NameOID.COMMON_NAME, text)]
    )


def certificate(subject, key, issuer, issuer_key, *, is_root=False, days=30):
    now = datetime.now(UTC)
    usages = dict.fromkeys(
        (
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(is_root, None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=True, key_cert_sign=is_root, crl_sign=is_root, **usages), critical=True
        )
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if not is_root:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(usage, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def camera():
    return Hand("Camera works")


@pytest.fixture(scope="module")
def newsroom():
    return Hand("Orenburg newsroom")


def signed(body, hand, content_type="image/jpeg", **facts):
    """The photo with a manifest of somebody else's, made by the library's own builder; with a thumbnail, as is its default."""
    claim = {
        "claim_generator_info": [{"name": "Painter", "version": "3"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [{"action": "c2pa.created", **facts}]}}],
    }
    out = BytesIO()
    signer = Signer.from_callback(hand.credentials.sign, C2paSigningAlg.ES256, hand.certificates)
    Builder(claim).sign(signer, content_type, BytesIO(body), out)
    return out.getvalue()


@pytest.fixture(scope="module")
def painted(camera):
    return signed(picture(1000, 800).jpegsave_buffer(), camera, digitalSourceType=AI)


def render_with(decoder, body, order=None):
    files = {}
    order = order or Order(sizes=SIZES)
    look = decoder.render(body, order, lambda one: files.__setitem__((one.rendition, one.format), one))
    return look, files


@pytest.fixture(scope="module")
def signing(newsroom):
    decoder = Decoder(credentials=newsroom.credentials)
    yield decoder
    decoder.close()


def test_what_a_manifest_claims_is_told_and_a_machines_work_is_called_so(painted, render):
    look, files = render(painted, Order(sizes=SIZES))

    assert look.provenance == Provenance(
        claim_generator="Painter 3",
        signed_by="Camera works",
        state="untrusted",
        made_by_ai=True,
        actions=("c2pa.created",),
    )
    assert AI.encode() in files["w640", "jpeg"].body, "and the renditions go on saying it"
    assert not any(b"c2pa" in file.body for file in files.values())


def test_a_hand_that_we_trust_makes_it_valid_and_a_changed_pixel_invalid(painted, camera):
    decoder = Decoder(trust_anchors=camera.root)
    look, _ = render_with(decoder, painted)
    assert (look.provenance.state, look.provenance.signed_by) == ("valid", "Camera works")

    changed = bytearray(painted)
    changed[-100] ^= 1
    look, files = render_with(decoder, bytes(changed))
    decoder.close()
    assert (look.provenance.state, look.provenance.claim_generator) == ("invalid", "Painter 3")
    assert len(files) == 5


def test_a_torn_manifest_is_invalid_and_its_photo_is_rendered(painted, render):
    start = painted.index(b"jumb")

    for place in (start, start + 60, start + 400, start + 3_000):
        torn = bytearray(painted)
        torn[place : place + 40] = b"\xfe" * 40
        look, files = render(bytes(torn), Order(sizes=SIZES[:1]))
        assert len(files) == 1
        assert look.provenance is None or look.provenance.state == "invalid"


@pytest.mark.parametrize("tail", [b"c2pa jumb", MANIFEST_STORE])
def test_a_photo_that_only_speaks_of_c2pa_has_no_provenance(render, tail):
    look, _ = render(picture(700, 500).jpegsave_buffer() + tail, Order(sizes=SIZES))

    assert look.provenance is None


@pytest.mark.parametrize("kind", ["png", "webp", "gif", "tiff", "avif"])
def test_claims_are_found_in_every_kind_of_photo(render, camera, kind):
    photo = picture(300, 200)
    savers = {"png": photo.pngsave_buffer, "webp": photo.webpsave_buffer, "gif": photo.gifsave_buffer}
    savers |= {"tiff": photo.tiffsave_buffer, "avif": lambda: photo.heifsave_buffer(compression="av1", effort=0)}

    look, _ = render(signed(savers[kind](), camera, f"image/{kind}", digitalSourceType=AI), Order(sizes=SIZES[:1]))

    assert (look.provenance.state, look.provenance.signed_by) == ("untrusted", "Camera works")


@pytest.mark.parametrize("body", ["jpeg", "png"])
def test_renditions_are_signed_and_the_librarys_own_reader_believes_them(newsroom, signing, body):
    photo = picture(1000, 800)
    photo = photo.jpegsave_buffer() if body == "jpeg" else photo.bandjoin(128).pngsave_buffer()
    words = Words(caption="Мост", credit="ТАСС", copyright="(c) ТАСС")

    look, files = render_with(signing, photo, Order(words, sizes=SIZES))

    assert look.provenance is None
    for (rendition, _), file in files.items():
        if rendition == "w320":
            assert b"c2pa" not in file.body, "a small file would grow by half"
            continue
        claims = read(file.format, file.body, newsroom.root)
        [manifest] = claims["manifests"].values()
        assert claims["validation_state"] == "Trusted"
        assert provenance_in(Words(), claims) == Provenance(
            claim_generator="Depesha 0.1.0",
            signed_by="Orenburg newsroom",
            state="valid",
            actions=("c2pa.opened", "c2pa.cropped", "c2pa.transcoded")
            if rendition == "1x1"
            else ("c2pa.opened", "c2pa.transcoded"),
        )
        metadata = next(one["data"] for one in manifest["assertions"] if one["label"] == "cawg.metadata")
        assert (metadata["photoshop:Credit"], metadata["dc:description"]) == ("ТАСС", "Мост")
        assert [one["relationship"] for one in manifest["ingredients"]] == ["parentOf"]
        assert "thumbnail" not in json.dumps(claims)
        assert pyvips.Image.new_from_buffer(file.body, "").width == file.width


def read(file_format, body, root):
    context = Context(C2paSettings.from_dict({"trust": {"trust_anchors": root}}))
    with Reader(CONTENT_TYPES[file_format], BytesIO(body), context=context) as reader:
        return json.loads(reader.json())


def test_what_the_originals_manifest_holds_does_not_leak_into_ours(painted, newsroom, signing):
    assert "thumbnail" in read_any(painted), "the library's default, and it shows the whole frame"

    _, files = render_with(signing, painted)

    told = read("jpeg", files["1x1", "jpeg"].body, newsroom.root)
    assert "Painter" not in json.dumps(told)
    assert provenance_in(Words(), told).state == "valid"
    assert AI in json.dumps(told), "that a machine made it is said again"


def read_any(body):
    with Reader("image/jpeg", BytesIO(body)) as reader:
        return reader.json()


@pytest.mark.parametrize(
    ("make_key", "algorithm"),
    [
        (lambda: ec.generate_private_key(ec.SECP384R1()), "es384"),
        (lambda: ec.generate_private_key(ec.SECP521R1()), "es512"),
        (lambda: rsa.generate_private_key(65537, 2048), "ps256"),
        (ed25519.Ed25519PrivateKey.generate, "ed25519"),
    ],
    ids=["P-384", "P-521", "RSA", "Ed25519"],
)
def test_every_kind_of_key_that_c2pa_knows_signs(make_key, algorithm):
    hand = Hand("Newsroom", make_key)
    assert hand.credentials.algorithm == algorithm

    body = picture(64, 64).jpegsave_buffer()
    seal = Seal(hand.certificates, algorithm, hand.credentials.sign, "jpeg", Words())
    assert read("jpeg", seal.sign(body, "jpeg", ()), hand.root)["validation_state"] == "Trusted"
    assert seal.problem == ""


def test_a_certificate_that_has_ended_stops_no_photo(newsroom):
    old = Hand("Newsroom", days=-1)
    decoder = Decoder(credentials=old.credentials)
    with capture_logs() as told:
        look, files = render_with(decoder, picture(1000, 800).jpegsave_buffer())
    decoder.close()

    assert (look.width, len(files)) == (1000, 5)
    assert not any(b"c2pa" in file.body for file in files.values())
    assert [line["event"] for line in told if line["log_level"] == "warning"] == ["renditions went out unsigned"]


def test_the_key_stays_here_and_without_a_certificate_the_library_is_not_even_loaded(newsroom, tmp_path):
    asked = []

    class Watched:
        certificates, algorithm = newsroom.certificates, newsroom.credentials.algorithm

        def sign(self, data):
            asked.append(data)
            return newsroom.credentials.sign(data)

    photo = picture(1000, 800).jpegsave_buffer()
    decoder = Decoder(credentials=Watched())
    decoder.render(photo, Order(sizes=SIZES), lambda _: None)
    loaded = Path(f"/proc/{decoder._child.pid}/maps").read_text()
    decoder.close()
    plain = Decoder()
    plain.render(photo, Order(sizes=SIZES), lambda _: None)
    unloaded = Path(f"/proc/{plain._child.pid}/maps").read_text()
    plain.close()

    assert len(asked) == 4, "one signature a file of 640 px and more"
    assert ("libc2pa" in loaded, "libc2pa" in unloaded) == (True, False)


def settings(**values):
    return Settings(database_url="postgresql://x", **values)


def test_settings_that_cannot_sign_are_refused_at_the_start(newsroom, camera, monkeypatch):
    assert settings().credentials is None
    assert settings(c2pa_certificate=newsroom.certificates, c2pa_key=newsroom.key_pem).credentials.algorithm == "es256"
    small = Hand("x", lambda: ec.generate_private_key(ec.SECP256K1()))
    for certificates, key, problem in (
        (newsroom.certificates, "", "given together"),
        ("", newsroom.key_pem, "given together"),
        (newsroom.certificates, camera.key_pem, "not that of the first certificate"),
        ("nonsense", newsroom.key_pem, "certificates are no PEM"),
        (newsroom.certificates, "nonsense", "key is no PEM"),
        (small.certificates, small.key_pem, "a kind that C2PA does not know"),
    ):
        monkeypatch.setenv("DEPESHA_DATABASE_URL", "postgresql://x")
        monkeypatch.setenv("DEPESHA_C2PA_CERTIFICATE", certificates)
        monkeypatch.setenv("DEPESHA_C2PA_KEY", key)
        with pytest.raises(SystemExit, match=f"setting DEPESHA_C2PA_KEY: .*{problem}"):
            Settings.from_environment()


def test_a_hostile_store_of_claims_is_read_without_harm():
    odd = {
        "active_manifest": "a",
        "validation_state": "Strange",
        "manifests": {
            "a": {
                "claim_generator": "x" * 9_000,
                "assertions": [
                    {"label": "c2pa.actions", "data": []},
                    {
                        "label": "c2pa.actions",
                        "data": {"actions": [7, {"action": "y" * 900}, {"digitalSourceType": 3}]},
                    },
                    {"label": "c2pa.actions.v2", "data": {"actions": [{"action": f"a{n}"} for n in range(900)]}},
                ],
                "signature_info": {"time": "never"},
            }
        },
    }

    told = provenance_in(Words(), odd)

    assert (told.state, len(told.claim_generator), told.signed_at, len(told.actions)) == ("invalid", 200, None, 50)
    assert provenance_in(Words(), {"validation_state": "Invalid"}) == Provenance(state="invalid")
