"""librnp as Thunderbird ships it, called as Thunderbird calls it: permissive imports, hidden recipients allowed."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import byref, c_bool, c_char_p, c_size_t, c_uint32, c_void_p
from types import TracebackType

_PUBLIC, _SECRET, _PERMISSIVE = 1 << 0, 1 << 1, 1 << 8
_IGNORE_SIGNATURES, _ALLOW_HIDDEN = 1 << 0, 1 << 2


class Failed(Exception):
    """librnp's error number, in hex."""


class Rnp:
    """One key ring in memory."""

    def __init__(self, path: str) -> None:
        self._lib = ctypes.CDLL(path)
        self._ffi = c_void_p()
        self._call("rnp_ffi_create", byref(self._ffi), b"GPG", b"GPG")

    def __enter__(self) -> Rnp:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._lib.rnp_ffi_destroy(self._ffi)

    def _call(self, name: str, *arguments: object) -> None:
        function = getattr(self._lib, name)
        function.restype = c_uint32
        result = function(*arguments)
        if result:
            raise Failed(f"{name}: {result:#x}")

    @contextmanager
    def _streams(self, data: bytes) -> Iterator[tuple[c_void_p, c_void_p]]:
        given, made = c_void_p(), c_void_p()
        self._call("rnp_input_from_memory", byref(given), data, c_size_t(len(data)), c_bool(True))
        self._call("rnp_output_to_memory", byref(made), c_size_t(0))
        try:
            yield given, made
        finally:
            self._lib.rnp_input_destroy(given)
            self._lib.rnp_output_destroy(made)

    def _taken(self, made: c_void_p) -> bytes:
        buffer, size = c_void_p(), c_size_t()
        self._call("rnp_output_memory_get_buf", made, byref(buffer), byref(size), c_bool(False))
        return ctypes.string_at(buffer, size.value) if size.value else b""

    def _text(self, name: str, *arguments: object) -> str:
        text = c_char_p()
        self._call(name, *arguments, byref(text))
        return (text.value or b"").decode()

    def take(self, certificate: bytes, *, secret: bool = False, permissive: bool = True) -> None:
        flags = (_PUBLIC | _SECRET if secret else _PUBLIC) | (_PERMISSIVE if permissive else 0)
        with self._streams(certificate) as (given, _):
            self._call("rnp_import_keys", self._ffi, given, c_uint32(flags), None)

    def key(self, fingerprint: str) -> c_void_p:
        found = c_void_p()
        self._call("rnp_locate_key", self._ffi, b"fingerprint", fingerprint.upper().encode(), byref(found))
        if not found:
            raise Failed(f"no key {fingerprint}")
        return found

    def make_key(self, user_id: str) -> str:
        """A key as Thunderbird makes it (Curve 25519), without passphrase; its fingerprint."""
        made = c_void_p()
        self._call("rnp_generate_key_25519", self._ffi, user_id.encode(), None, byref(made))
        return self._text("rnp_key_get_fprint", made).lower()

    def certificate(self, fingerprint: str) -> bytes:
        with self._streams(b"") as (_, made):
            # RNP_KEY_EXPORT_PUBLIC | RNP_KEY_EXPORT_SUBKEYS
            self._call("rnp_key_export", self.key(fingerprint), made, c_uint32(1 << 1 | 1 << 3))
            return self._taken(made)

    def user_ids(self, fingerprint: str) -> dict[str, bool]:
        """User ID -> whether it is valid."""
        key, count, found = self.key(fingerprint), c_size_t(), {}
        self._call("rnp_key_get_uid_count", key, byref(count))
        for n in range(count.value):
            handle, valid = c_void_p(), c_bool()
            self._call("rnp_key_get_uid_handle_at", key, c_size_t(n), byref(handle))
            self._call("rnp_uid_is_valid", handle, byref(valid))
            found[self._text("rnp_key_get_uid_at", key, c_size_t(n))] = valid.value
            self._lib.rnp_uid_handle_destroy(handle)
        return found

    def seal(self, text: bytes, to: list[str], by: str) -> bytes:
        """Signed and sealed, armored."""
        with self._streams(text) as (given, made):
            op = c_void_p()
            self._call("rnp_op_encrypt_create", byref(op), self._ffi, given, made)
            try:
                for fingerprint in to:
                    self._call("rnp_op_encrypt_add_recipient", op, self.key(fingerprint))
                self._call("rnp_op_encrypt_add_signature", op, self.key(by), None)
                self._call("rnp_op_encrypt_set_hash", op, b"SHA256")
                self._call("rnp_op_encrypt_set_cipher", op, b"AES256")
                self._call("rnp_op_encrypt_set_aead", op, b"NONE")
                self._call("rnp_op_encrypt_set_armor", op, c_bool(True))
                self._call("rnp_op_encrypt_execute", op)
            finally:
                self._lib.rnp_op_encrypt_destroy(op)
            return self._taken(made)

    def open(self, sealed: bytes) -> tuple[bytes, list[str]]:
        """(text, fingerprints of the keys whose signatures are good)."""
        with self._streams(sealed) as (given, made):
            op, count, good = c_void_p(), c_size_t(), []
            self._call("rnp_op_verify_create", byref(op), self._ffi, given, made)
            try:
                self._call("rnp_op_verify_set_flags", op, c_uint32(_IGNORE_SIGNATURES | _ALLOW_HIDDEN))
                self._call("rnp_op_verify_execute", op)
                self._call("rnp_op_verify_get_signature_count", op, byref(count))
                for n in range(count.value):
                    signature, key = c_void_p(), c_void_p()
                    self._call("rnp_op_verify_get_signature_at", op, c_size_t(n), byref(signature))
                    self._lib.rnp_op_verify_signature_get_status.restype = c_uint32
                    if self._lib.rnp_op_verify_signature_get_status(signature) == 0:
                        self._call("rnp_op_verify_signature_get_key", signature, byref(key))
                        good.append(self._text("rnp_key_get_fprint", key).lower())
            finally:
                self._lib.rnp_op_verify_destroy(op)
            return self._taken(made), good
