"""Settings of a service."""

from __future__ import annotations

from typing import Any

import pytest

from exportimage_wsgi.settings import ServiceSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"resampling": "cubik"}, {"resampling": 3}, {"compression_quality": 500},
        {"compression_quality": 7.5}, {"background": (1, 2)}, {"background": (1, 2, 300)},
        {"default_format": "tif"}, {"lerc_nodata": "x"}, {"unscale": "yes"}, {"nodata": "x"},
        {"max_image_size": 5}, {"max_image_size": (0, 5)}, {"max_image_bytes": 0},
        {"description": 5}, {"copyright": None}, {"band_names": "Red"}, {"band_names": (1,)},
    ],
)  # fmt: skip
def test_a_setting_that_breaks_its_rule_is_refused_by_its_name(wrong: dict[str, Any]) -> None:
    (name,) = wrong

    with pytest.raises(ValueError, match=rf"^{name}=.*: must be "):
        ServiceSettings(**wrong)
