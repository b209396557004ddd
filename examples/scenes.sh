# A function to be sourced: make the scenes that services.toml names, and their index, once.
# Set before: `root`, the folder of pyproject.toml, and `venv`, an environment with this project.

prepare_scenes() {
    if [ ! -d "$root/examples/mosaic" ] || [ ! -e "$root/examples/mosaic.parquet" ]; then
        "$venv/bin/python" "$root/examples/make_mosaic.py" &&
            "$venv/bin/exportimage-wsgi" index "$root/examples/services.toml" >&2
    fi
}
