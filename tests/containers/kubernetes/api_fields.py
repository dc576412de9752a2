"""Checks objects against the Kubernetes API's own field tables, which python3-kubernetes carries: unknown,
missing and mistyped fields. They know no enumerations and quantities: those are here."""
import re

from kubernetes import client

ENUMERATIONS = {
    "action": {"FailJob", "FailIndex", "Ignore", "Count"},
    "concurrencyPolicy": {"Allow", "Forbid", "Replace"},
    "imagePullPolicy": {"Always", "IfNotPresent", "Never"},
    "operator": {"In", "NotIn", "Exists", "DoesNotExist"},
    "policyTypes": {"Ingress", "Egress"},
    "protocol": {"TCP", "UDP", "SCTP"},
    "restartPolicy": {"Always", "OnFailure", "Never"},
    "seccompProfile.type": {"RuntimeDefault", "Localhost", "Unconfined"},
    "strategy.type": {"Recreate", "RollingUpdate"},
}
# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
QUANTITY = re.compile(r"(\d+|\d*\.\d+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?")
SCALARS = {"str": str, "int": int, "bool": bool}


def problems(document):
    """Sentences about what the API server would not take, or would silently ignore."""
    model = getattr(client, "V1" + str(document.get("kind")), None)
    version = str(document.get("apiVersion")).rsplit("/", 1)[-1]
    if model is None or version != "v1":
        return [f"unknown kind {document.get('apiVersion')} {document.get('kind')}"]
    found = []
    _check(model.__name__, document, "", found)
    return found


def _check(wanted, value, path, found):
    if value is None:
        found.append(f"{path}: empty")
    elif wanted.startswith("list["):
        _check_list(wanted[5:-1], value, path, found)
    elif wanted.startswith("dict("):
        _check_map(wanted[5:-1].split(", ", 1)[1], value, path, found)
    elif wanted in SCALARS:
        _check_scalar(wanted, value, path, found)
    elif hasattr(client, wanted):
        _check_object(getattr(client, wanted), value, path, found)


def _check_list(item, value, path, found):
    if not isinstance(value, list):
        found.append(f"{path}: must be a list")
        return
    for index, element in enumerate(value):
        _check(item, element, f"{path}[{index}]", found)


def _check_map(item, value, path, found):
    if not isinstance(value, dict):
        found.append(f"{path}: must be a map")
        return
    for key, element in value.items():
        if re.search(r"resources\.(requests|limits)$", path):
            if not QUANTITY.fullmatch(str(element)):
                found.append(f"{path}.{key}: {element!r} is no quantity")
        else:
            _check(item, element, f"{path}.{key}", found)


def _check_scalar(wanted, value, path, found):
    if type(value) is not SCALARS[wanted]:
        found.append(f"{path}: must be {wanted}, is {value!r}")
        return
    plain = re.sub(r"\[\d+\]", "", path)
    for field, values in ENUMERATIONS.items():
        if plain.endswith("." + field) and value not in values:
            found.append(f"{path}: {value!r} is none of {', '.join(sorted(values))}")


def _check_object(model, value, path, found):
    if not isinstance(value, dict):
        found.append(f"{path}: must be a {model.__name__}")
        return
    attributes = {field: name for name, field in model.attribute_map.items()}
    for field, element in value.items():
        if field in attributes:
            _check(model.openapi_types[attributes[field]], element, f"{path}.{field}", found)
        else:
            found.append(f"{path}.{field}: unknown field of {model.__name__}")
    try:  # it refuses to be made without what is required
        model(**{attributes[field]: element for field, element in value.items() if field in attributes})
    except ValueError as error:
        found.append(f"{path}: {error}")
