"""TLS: what a registry's settings make of trust and client certificates, and why a handshake failed.

Knows certificates; knows no HTTP.
"""

from __future__ import annotations

import ssl

import certifi

from regsync.model.errors import Unreachable
from regsync.transport.server import Server

# OpenSSL's names for "what came back was no TLS record"; they differ by its version.
_NOT_TLS = {
    "WRONG_VERSION_NUMBER",
    "PACKET_LENGTH_TOO_LONG",
    "RECORD_LAYER_FAILURE",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
}
_WANTS_CERTIFICATE = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "SSLV3_ALERT_HANDSHAKE_FAILURE",
    "SSLV3_ALERT_BAD_CERTIFICATE",
    "TLSV1_ALERT_UNKNOWN_CA",
}
_EXPIRED, _NOT_YET_VALID, _WRONG_NAME, _WRONG_ADDRESS = 10, 9, 62, 64
_UNKNOWN_ISSUER = {18, 19, 20, 21}


def make_context(spec: Server, *, own: bool) -> ssl.SSLContext:
    """The context for connections to the registry itself (`own`) or to hosts that it sends us to.

    System roots (or certifi's where the system has none) and the private CA both count; only the registry itself
    sees the client certificate. Costs some 25 ms. Raises Unreachable where a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if spec.tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        system = ssl.get_default_verify_paths()
        context.load_default_certs()
        if not (system.cafile or system.capath):
            context.load_verify_locations(certifi.where())
    if spec.tls.ca_file:
        try:
            context.load_verify_locations(spec.tls.ca_file)
        except OSError as error:
            raise _unusable(spec, "caFile", error) from None
    if own and spec.tls.cert_file:
        try:
            # Without this OpenSSL asks for the password of an encrypted key on the terminal.
            context.load_cert_chain(spec.tls.cert_file, spec.tls.key_file, password=lambda: b"")
        except OSError as error:
            raise _unusable(spec, "certFile", error) from None
    return context


def _unusable(spec: Server, field: str, error: OSError) -> Unreachable:
    reason = "not a PEM file that can be used" if isinstance(error, ssl.SSLError) else error.strerror
    return Unreachable(f"{spec.at(f'tls.{field}')}: cannot use tls.{field}: {reason}")


def explain(error: ssl.SSLError, host: str, spec: Server) -> tuple[str, str | None]:
    """What a failed handshake with `host` means, and what to do about it."""
    at = spec.at("tls.caFile")
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        if code in _UNKNOWN_ISSUER:
            return (
                f"the certificate of {host} is from an authority that is not trusted here",
                f"name the authority's certificate in tls.caFile ({at})",
            )
        if code in {_WRONG_NAME, _WRONG_ADDRESS}:
            return (
                f"the certificate is for another name than {host}",
                "write the endpoint as the certificate names it; spec.connectTo reaches it at another address",
            )
        if code == _EXPIRED:
            return f"the certificate of {host} has expired", "renew it, or check this machine's clock"
        if code == _NOT_YET_VALID:
            return f"the certificate of {host} is not valid yet", "check this machine's clock"
        return f"the certificate of {host} does not hold: {error.verify_message}", f"see spec.tls ({at})"
    if error.reason in _NOT_TLS:
        return (
            f"{host} does not speak TLS",
            "if that is meant, write the endpoint with http://; charts from elsewhere come over TLS only",
        )
    if error.reason in _WANTS_CERTIFICATE:
        return (
            f"{host} refused the TLS handshake ({error.reason})",
            f"if it wants a client certificate, name it in spec.tls.certFile and keyFile ({spec.at('tls.certFile')})",
        )
    return f"TLS with {host} failed: {error.reason or error}", f"see spec.tls ({at})"
