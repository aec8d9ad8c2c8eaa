"""Secrets at rest."""

import pytest
from cryptography.fernet import Fernet

from chassis.vault import SecretUnreadableError, Vault

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def test_what_is_sealed_is_not_readable_and_opens_again():
    vault = Vault(f"2026:{OLD}")

    sealed = vault.seal("секрет")

    assert "секрет" not in sealed
    assert sealed.startswith("2026:")
    assert vault.open(sealed) == "секрет"


def test_a_new_key_seals_and_the_old_one_still_opens():
    old = Vault(f"2026:{OLD}").seal("секрет")
    vault = Vault(f"2027:{NEW}, 2026:{OLD}")

    assert vault.open(old) == "секрет"
    assert (vault.is_current(old), vault.is_current(vault.seal("секрет"))) == (False, True)


def test_without_its_key_a_secret_says_which_one_is_missing():
    sealed = Vault(f"2026:{OLD}").seal("секрет")

    with pytest.raises(SecretUnreadableError, match="sealed with the key '2026'; known are 2027"):
        Vault(f"2027:{NEW}").open(sealed)


def test_a_mac_is_ours_only_for_its_own_text_and_a_known_key():
    mac = Vault(f"2026:{OLD}").mac("msg_1.1800000000")
    vault = Vault(f"2027:{NEW},2026:{OLD}")

    assert vault.is_mac("msg_1.1800000000", mac)
    assert not vault.is_mac("msg_2.1800000000", mac)
    assert not Vault(f"2027:{NEW}").is_mac("msg_1.1800000000", mac)
    assert not vault.is_mac("msg_1.1800000000", "")


@pytest.mark.parametrize(("keys", "says"), [("", "missing"), ("a:short", "'a' is not 32 bytes")])
def test_wrong_keys_are_refused_by_name(keys, says):
    with pytest.raises(ValueError, match=says):
        Vault(keys)
