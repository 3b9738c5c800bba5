"""Which hosts of Azure stand behind a registry: where its layers come from, and Entra. Reaches nothing."""

from __future__ import annotations

from regsync.model.access import Host
from regsync.model.registry import AuthMethod, RegistrySpec, RegistryType
from regsync.registries.acr.entra import cloud_of, registry_name
from regsync.transport.origins import Origin


def azure_hosts(spec: RegistrySpec) -> tuple[Host, ...]:
    """What a registry of Azure needs beside its own host; nothing for other registries.

    Layers come from a storage account that only the registry knows, or from its dedicated data endpoints where those are
    switched on (Azure, "dedicated data endpoints").
    """
    if spec.type is not RegistryType.ACR:
        return ()
    host = Origin.parse(spec.endpoint).host
    cloud, domain = cloud_of(host), host.partition(".")[2]
    own = f"{registry_name(spec)}.<region>.data.{domain}"
    layers = Host(f"*.{cloud.storage}", "layers", note=f"or {own}, where dedicated data endpoints are on")
    if spec.auth.method is not AuthMethod.AZURE:
        return (layers,)
    entra = Origin.parse(cloud.authority).host
    return (layers, Host(entra, "Entra", note="AZURE_AUTHORITY_HOST names another"))
