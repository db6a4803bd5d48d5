#!/bin/sh
# Creates the namespace that Tallybook's workflows live in, unless it is there. May run any number of times.
# The CLI reads TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.
set -eu

# Seconds. A first start on a slow machine takes most of a minute; after this, Compose tries again.
patience=120

waited=0
until temporal operator cluster health; do
  if [ "$waited" -ge "$patience" ]; then
    echo "Temporal at $TEMPORAL_ADDRESS is not serving after $patience s." >&2
    exit 1
  fi
  sleep 2
  waited=$((waited + 2))
done

if temporal operator namespace describe >/dev/null 2>&1; then
  echo "The namespace $TEMPORAL_NAMESPACE is there."
else
  # How long a finished workflow can still be looked at. What it did stays in the log for ever.
  temporal operator namespace create --retention 30d
fi
