#!/bin/bash
# Follows Portcullis' revocations: ./subscribe.sh http://127.0.0.1:8080 [CURSOR]
# curl does not reconnect by itself, so the cursor is kept here.
url=$1/api/v1/internal/revocations cursor=${2:-}

while true; do
  while IFS= read -r line; do
    line=${line%$'\r'}
    case $line in
      event:*) event=${line#event: } ;;
      id:*) id=${line#id: } ;;
      data:*) data=${line#data: } ;;
      '')
        [[ -z ${data:-} ]] || echo "$event $data"
        cursor=${id:-$cursor} # only now: what was handed over need not come again
        event='' data=''
        ;;
    esac
  done < <(curl -sN -H 'Accept: text/event-stream' ${cursor:+-H "Last-Event-ID: $cursor"} \
    --speed-limit 1 --speed-time 45 "$url")
  sleep 1
done
