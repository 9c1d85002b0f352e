#!/usr/bin/env bash
# Builds the documents as a site, with mkdocs. Nothing is published.
#
#   ci/site.sh DIR
#
# Ends with 1 if mkdocs has a warning: a link without a target, for example.
set -euo pipefail
. "$(dirname "$0")/common.sh"
[ $# = 1 ] || usage
command -v mkdocs >/dev/null || die "mkdocs is missing: apt install mkdocs" 3
site=$(realpath -m "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/docs"
cd "$ci_top"
# The pages with the folders that links name; mkdocs takes README.md as the page of a folder.
cp --parents ./*.md LICENSE docs/recipe.schema.json tests/README.md tests/card/README.md "$work/docs/"
cp -r docs "$work/docs/"
cp ci/mkdocs.yml "$work/mkdocs.yml"
(cd "$work" && mkdocs -q build --strict --clean --site-dir "$site")
say "the site is in $site: $(find "$site" -name '*.html' | wc -l) pages"
