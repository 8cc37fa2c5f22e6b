#!/bin/sh
# Format the storage where that was not done yet, with a password for each principal, then become the broker.
set -eu
settings=/etc/polytraders/server.properties

# The passwords stand in a file, since a command line is everybody's to read; what the tool says holds their digests.
/opt/kafka/bin/kafka-storage.sh format --ignore-formatted --config "$settings" @/run/secrets/kafka_format >/dev/null

exec /opt/kafka/bin/kafka-server-start.sh "$settings"
