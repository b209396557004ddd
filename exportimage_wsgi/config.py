"""The configuration: a TOML file as frozen values, all its faults told at once."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import tomllib
from collections.abc import Iterable
from datetime import date, time
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import SplitResult, quote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from .errors import ConfigError, shown
from .pixels import Interpolation
from .rasters import is_elsewhere, is_raster
from .syntax import key_of, told

if TYPE_CHECKING:
    from .service import ServiceSettings

_FORBIDDEN = "?#%\\"
_HOST = re.compile(r"[\w.-]+|[0-9A-Fa-f:.]+")
_SAFE_IN_A_PATH = "/%:@!$&'()*+,;=~"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def name_fault(name: str) -> str | None:
    """The rule that a service's name, or a path in a URL, breaks; `None` if it breaks none."""
    parts = name.split("/")
    if not all(part and part == part.strip() for part in parts):
        return "its parts, between the slashes, may not be empty nor begin or end with a blank"
    if any(part in (".", "..") or part.casefold() == "imageserver" for part in parts):
        return "no part of it may be '.', '..' or 'ImageServer'"
    if not name.isprintable() or any(sign in name for sign in _FORBIDDEN):
        return f"it may not hold {' '.join(_FORBIDDEN)} nor control characters"
    return None


def twins(names: Iterable[str]) -> dict[str, str]:
    """Of names that differ from an earlier one in letter case only: that one."""
    first: dict[str, str] = {}
    found = {name: first.setdefault(name.casefold(), name) for name in names}
    return {name: earlier for name, earlier in found.items() if name != earlier}


def twin_fault(twin: str) -> str:
    """The rule that a name breaks whose twin is there already."""
    return f"differs from {twin} in letter case only, which addresses ignore"


def checked_prefix(prefix: str) -> str:
    """The prefix with one slash at its beginning and none at its end; `""` for none.

    Raises:
        ValueError: no URL can begin so.
    """
    inside = prefix.strip("/")
    fault = name_fault(inside) if inside else None
    if fault:
        raise ValueError(fault)
    return f"/{inside}" if inside else ""


def _checked_name(name: str) -> str:
    fault = name_fault(name)
    if fault:
        raise ValueError(fault)
    return name


def _checked_url(url: str) -> str:
    """The URL without a slash at its end, its path percent-encoded."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and a host")
    is_bare = not (parts.query or parts.fragment) and _has_sound_host(parts)
    if not is_bare or not url.isprintable() or " " in url:
        raise ValueError(
            "must be a scheme, a host and a path, nothing else; a port is from 1 to 65535"
        )
    return f"{parts.scheme}://{parts.netloc}{quote(parts.path, _SAFE_IN_A_PATH)}".rstrip("/")


def _checked_origin(origin: str) -> str:
    """The origin as browsers spell it."""
    if origin == "*":
        return origin
    parts = urlsplit(origin)
    spelt = f"{parts.scheme}://{parts.netloc.lower()}"
    if origin.lower() != spelt or not parts.scheme or not _has_sound_host(parts):
        raise ValueError("must be '*' or an origin such as https://maps.example.org")
    return spelt.removesuffix(_DEFAULT_PORTS.get(parts.scheme, ""))


def _checked_network(name: str) -> str:
    if name == "unix":
        return name
    try:
        ip_network(name, strict=False)
    except ValueError:
        raise ValueError("must be an address, a block such as 10.0.0.0/8, or unix") from None
    return name


def _checked_scheduler(scheduler: str) -> str:
    if scheduler == "threads":
        return scheduler
    parts = urlsplit(scheduler)
    if parts.scheme not in ("tcp", "tls") or not _is_host_and_port(parts):
        raise ValueError("must be 'threads', or an address such as tcp://scheduler:8786")
    if find_spec("distributed") is None:
        raise ValueError(
            "a cluster needs dask.distributed: pip install exportimage-wsgi[distributed]"
        )
    return scheduler


def _is_host_and_port(parts: SplitResult) -> bool:
    whole = _has_sound_host(parts) and parts.port
    return bool(whole) and not (parts.path or parts.query or parts.fragment)


def _has_sound_host(parts: SplitResult) -> bool:
    """Is there a host, with a port that can be one if any, and nobody's name and password?"""
    try:
        port = parts.port
    except ValueError:
        return False
    return bool(_HOST.fullmatch(parts.hostname or "")) and port != 0 and "@" not in parts.netloc


def _checked_size(size: Any) -> Any:
    # To Python a truth is a number.
    if isinstance(size, bool):
        raise ValueError(_WORDS["byte_size"])
    return size


Bytes = Annotated[ByteSize, BeforeValidator(_checked_size)]
Count = Annotated[int, Field(strict=True, ge=1)]
Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Channel = Annotated[int, Field(strict=True, ge=0, le=255)]
Flag = Annotated[bool, Field(strict=True)]
Number = Annotated[float, Field(strict=True)]
Quality = Annotated[int, Field(strict=True, ge=0, le=100)]
DefaultFormat = Literal["png", "jpgpng"]
Name = Annotated[str, StringConstraints(strip_whitespace=False), AfterValidator(_checked_name)]


class Table(BaseModel):
    """A table of the file: frozen, and without keys that nobody reads."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    def said(self) -> dict[str, Any]:
        """Only what the file says, without what it leaves to defaults."""
        return {key: getattr(self, key) for key in self.model_fields_set}


class Server(Table):
    """Where the application is reached, and what it is called."""

    title: Annotated[str, Field(min_length=1)] = "REST Services Directory"
    """Heading of the pages."""

    url: Annotated[str, AfterValidator(_checked_url)] | None = None
    """Public URL of the mount point, prefix included; otherwise what the client asked for."""

    prefix: Annotated[str, AfterValidator(checked_prefix)] = ""
    """Path at which the application begins, for servers that cannot mount."""

    trusted_proxies: tuple[Annotated[str, AfterValidator(_checked_network)], ...] = ()
    """Addresses, blocks of addresses or `unix`, whose `X-Forwarded-*` headers are believed."""


class Output(Table):
    """The store of finished files, to which `href` points."""

    directory: Path | None = None
    """Private, in the system's temporary place, if not said. All workers share it."""

    max_age: Annotated[Seconds, Field(gt=0)] = 600.0
    """Seconds that a file is kept."""

    max_bytes: Annotated[Bytes, Field(ge=1)] = ByteSize(1 << 30)
    """Of all files together: a number, or text such as `2 GB`."""

    @field_validator("directory", mode="before")
    @classmethod
    def _is_said(cls, directory: Any) -> Any:
        if isinstance(directory, str) and not directory.strip():
            raise ValueError("may not be empty")
        return directory

    @field_validator("directory")
    @classmethod
    def _beside_the_file(cls, directory: Path | None, info: ValidationInfo) -> Path | None:
        return None if directory is None else _folder(info) / os.path.expanduser(directory)


class Limits(Table):
    """What one request, or all of them together, may take."""

    max_image_size: tuple[Count, Count] = (15000, 4100)
    """Width, height of the largest picture, of services that don't say."""

    max_image_bytes: Annotated[Bytes, Field(ge=1)] = ByteSize(1 << 32)
    """Of its pixels, all bands together and not compressed: a number, or text such as `2 GB`."""

    deadline: Seconds = 900.0
    """Seconds after which an export is broken off; 0 for never."""

    exports: Count | None = None
    """Large exports at a time in each process; twice the cores if not said."""

    patience: Seconds = 10.0
    """Seconds that a large export waits for its turn before it is answered with 503."""

    cache_bytes: Annotated[Bytes, Field(ge=1 << 20)] = ByteSize(128 << 20)
    """Of decoded blocks of rasters that each process keeps."""

    handles: Count = 256
    """Files that each process keeps open while nobody reads them."""

    async_pixels: Annotated[int, Field(strict=True, ge=0)] = 4_000_000
    """Exports of more pixels are made asynchronously where `async=true` asks for that."""

    jobs: Count = 16
    """Asynchronous exports that wait or are under way, of all processes together."""


class Compute(Table):
    """Where pixels are computed."""

    scheduler: Annotated[str, AfterValidator(_checked_scheduler)] = "threads"
    """`threads` of each process, or the address of a scheduler of dask.distributed."""

    threads: Annotated[int, Field(strict=True, ge=0)] = 0
    """For large exports, in each process; 0 is one a core."""


class Cors(Table):
    """Which pages of other origins may read replies."""

    origins: tuple[Annotated[str, AfterValidator(_checked_origin)], ...] = ("*",)


class Compat(Table):
    """Which of Esri's servers is followed where they differ."""

    version: Annotated[float, Field(strict=True, ge=9.3, lt=12)] = 10.91

    default_format: DefaultFormat = "png"
    """Of requests that don't say: `png` as 9.3, `jpgpng` as 10.0 and later."""

    errors: Literal["auto", "esri", "http"] = "auto"
    """Which errors carry their true HTTP status: those of pictures and pages, none, all."""


class Look(Table):
    """How services look: what `[defaults]` says for all of them, and each for itself."""

    copyright: str = ""

    resampling: Interpolation | None = None

    compression_quality: Quality = 75

    background: tuple[Channel, Channel, Channel] = (255, 255, 255)

    lerc_nodata: Literal["mask", "fill"] = "mask"

    unscale: Flag = False

    tiles: Flag = False


class Mosaic(Table):
    """How the rasters of a mosaic are found, described and laid over each other; the keys are
    those of `MosaicSettings`, which checks them."""

    index: Any = None
    pattern: Any = None
    table: Any = None
    seamlines: Any = None
    tags: Any = ()
    types: Any = ()
    time: Any = ()
    asset: Any = None
    footprints: Any = "outline"
    crs: Any = None
    pixel_size: Any = None
    pixel_type: Any = None
    bands: Any = None
    method: Any = "none"
    operation: Any = "first"
    sort_field: Any = None
    sort_value: Any = None
    ascending: Any = True
    max_images: Any = 1000
    max_records: Any = 1000
    blend_width: Any = 50.0
    on_failure: Any = "fail"

    @field_validator("*")
    @classmethod
    def _checked_setting(cls, value: Any, info: ValidationInfo) -> Any:
        from .mosaics.settings import checked_setting

        checked = checked_setting(str(info.field_name), value)
        if info.field_name in ("index", "table", "seamlines"):
            return _placed(checked.strip(), _folder(info))
        return checked

    @model_validator(mode="after")
    def _without_contradictions(self) -> Mosaic:
        if not self.model_fields_set:
            return self
        from .mosaics.settings import contradiction

        fault = contradiction(self.said())
        if fault:
            raise ValueError(fault)
        return self


class Service(Look):
    """One service: its raster and how it is served."""

    source: Any
    """Path, URL, `cube.nc#variable` or `store.zarr#variable`. A mosaic: a folder, a glob, a table
    of items, a STAC document, or a list of any of these."""

    description: str = ""

    nodata: Number | None = None

    band_names: tuple[Annotated[str, Field(min_length=1)], ...] | None = None

    max_image_size: tuple[Count, Count] = (15000, 4100)

    default_format: DefaultFormat = "png"

    mosaic: Mosaic = Mosaic()

    @field_validator("source")
    @classmethod
    def _checked_source(cls, source: Any, info: ValidationInfo) -> str | tuple[str, ...]:
        several = source if isinstance(source, list) else [source]
        if not several or not all(isinstance(each, str) and each.strip() for each in several):
            raise ValueError("must be the path or URL of a raster, or a list of them")
        placed = tuple(_placed(each.strip(), _folder(info)) for each in several)
        return placed if isinstance(source, list) else placed[0]


class Config(Table):
    """Everything that an operator says. Paths are absolute once it is loaded from a file."""

    server: Server = Server()
    output: Output = Output()
    limits: Limits = Limits()
    compute: Compute = Compute()
    cors: Cors = Cors()
    compat: Compat = Compat()
    defaults: Look = Look()
    services: dict[Name, Service] = {}

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Config:
        """The configuration of a TOML file; paths in it are relative to it.

        Raises:
            ConfigError: all faults of the file, each with its line or key.
        """
        config, faults = cls.examined(path)
        if faults:
            raise ConfigError(faults)
        return config

    @classmethod
    def examined(cls, path: str | os.PathLike[str]) -> tuple[Config, tuple[str, ...]]:
        """What is sound of a TOML file, and all its faults; a table with a fault is left out."""
        file = Path(path)
        try:
            tables = _tables(file)
        except ConfigError as error:
            return cls(), error.faults
        try:
            return cls.checked(tables, file.parent), ()
        except ConfigError as error:
            faults = tuple(f"{file.name}: {fault}" for fault in error.faults)
            return cls.checked(_sound_part(tables), file.parent), faults

    @classmethod
    def checked(cls, tables: dict[str, Any], folder: Path | None = None) -> Config:
        """The configuration of tables; relative paths in them begin in the folder.

        Raises:
            ConfigError: all faults, each with its key.
        """
        faults: tuple[str, ...] = ()
        try:
            config = cls.model_validate(tables, context={"folder": (folder or Path()).absolute()})
        except ValidationError as error:
            faults = tuple(_fault(each) for each in _errors(error))
        for name, twin in _twins(tables).items():
            faults += (f"{key_of(('services', name))}: {twin_fault(twin)}",)
        if faults:
            raise ConfigError(faults)
        return config

    def settings(self, name: str) -> ServiceSettings:
        """The settings of a service: what it says itself, else what is said for all."""
        from .mosaics.settings import MosaicSettings
        from .service import ServiceSettings

        shared: dict[str, Any] = {
            "max_image_size": self.limits.max_image_size,
            "max_image_bytes": int(self.limits.max_image_bytes),
            "default_format": self.compat.default_format,
        }
        said = shared | self.defaults.said() | self.services[name].said()
        del said["source"]
        said["mosaic"] = MosaicSettings(**self.services[name].mosaic.said())
        return ServiceSettings(**said)


def _folder(info: ValidationInfo) -> Path:
    return (info.context or {}).get("folder") or Path.cwd()


def _placed(source: str, folder: Path) -> str:
    """A path relative to the folder, or to a home (`~`), as an absolute one; a URL as it is."""
    return source if is_elsewhere(source) else os.path.join(folder, os.path.expanduser(source))


def _tables(file: Path) -> dict[str, Any]:
    """What a TOML file says.

    Raises:
        ConfigError: it cannot be read, or isn't TOML.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        return tomllib.loads(text)
    except OSError as error:
        raise ConfigError((f"{file}: {_unreadable(file, error)}",)) from error
    except UnicodeDecodeError as error:
        raise _no_toml(file, "this is not a TOML file: it is not text in UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(file, told(text, error)) from error


# --- faults ----------------------------------------------------------------------------------

# What is said in place of the words of pydantic, which speak of Python and not of TOML.
_WORDS = {
    "bool_type": "must be true or false",
    "byte_size": "must be a number of bytes, or text such as '2 GB'",
    "byte_size_unit": "must be a number of bytes, or text such as '2 GB'",
    "dict_type": "must be a table",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "model_type": "must be a table",
    "path_type": "must be a path",
    "string_too_short": "may not be empty",
    "string_type": "must be text",
    "too_long": "must be a list of {max_length}, not of {actual_length}",
    "tuple_type": "must be a list",
}


def _unreadable(file: Path, error: OSError) -> str:
    if file.exists() and (is_raster(file) or file.is_dir()):
        return _raster_instead(file)
    return str(error.strerror)


def _raster_instead(file: Path) -> str:
    kind = "raster" if is_raster(file) else "folder"
    return (
        f"this is a {kind}, not a TOML file; serve it by "
        f"`exportimage-wsgi serve {shlex.quote(str(file))}`, "
        f"or in Python as {{{file.resolve().stem!r}: {str(file)!r}}}"
    )


def _no_toml(file: Path, fault: str) -> ConfigError:
    return ConfigError((f"{file.name}: {_raster_instead(file) if is_raster(file) else fault}",))


def _twins(tables: dict[str, Any]) -> dict[str, str]:
    services = tables.get("services")
    return twins(services) if isinstance(services, dict) else {}


def _errors(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False)


def _sound_part(tables: dict[str, Any]) -> dict[str, Any]:
    """The tables without those, and the services without those, that have a fault."""
    for name in _twins(tables):
        tables = tables | {"services": _without(tables["services"], name)}
    try:
        Config.model_validate(tables)
    except ValidationError as error:
        for table, *inside in (details["loc"] for details in _errors(error)):
            if table == "services" and inside and table in tables:
                tables = tables | {table: _without(tables[table], inside[0])}
            else:
                tables = _without(tables, table)
    return tables


def _without(table: dict[str, Any], key: int | str) -> dict[str, Any]:
    return {each: value for each, value in table.items() if each != key}


def _fault(details: ErrorDetails) -> str:
    """A line: the key, what was received, the rule."""
    location, received = details["loc"], details["input"]
    rule = _rule(details)
    if details["type"] == "missing":
        return f"{key_of(location)}: is missing"
    if details["type"] == "extra_forbidden":
        return f"{key_of(location)}: unknown key{_hint(location, received)}"
    if location[-1] == "[key]":
        return f"{key_of(location[:-1])}: {rule}"
    return f"{key_of(location)}={shown(_as_toml(received))}: {rule[0].lower()}{rule[1:]}"


def _as_toml(value: Any) -> str:
    """A value as the file could say it."""
    match value:
        case bool():
            return str(value).lower()
        case date() | time():
            return value.isoformat()
        case list() | tuple():
            return f"[{', '.join(map(_as_toml, value))}]"
        case dict():
            return f"{{{', '.join(f'{key} = {_as_toml(each)}' for key, each in value.items())}}}"
    return repr(value)


def _rule(details: ErrorDetails) -> str:
    words = _WORDS.get(details["type"])
    if words is not None:
        return words.format(**details.get("ctx", {}))
    return details["msg"].removeprefix("Value error, ").replace("Input should be", "must be")


def _hint(location: tuple[int | str, ...], received: Any) -> str:
    known = _known_keys(location[:-1])
    near = difflib.get_close_matches(str(location[-1]), known, 1)
    if near:
        return f"; did you mean {near[0]}?"
    if location[0] == "services" and len(location) == 3 and isinstance(received, dict):
        return '; a name with a slash is quoted: [services."Folder/name"]'
    return f"; known are {', '.join(known)}"


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """The keys of the table at a place of the file."""
    if not location:
        return list(Config.model_fields)
    if location[0] == "services":
        return list(Mosaic.model_fields if location[2:] == ("mosaic",) else Service.model_fields)
    table = Config.model_fields[str(location[0])].annotation
    return list(getattr(table, "model_fields", ()))
