#!/bin/bash
# Works until it is told to stop. bash acts on a signal only between commands, so the pause is one that it can be woken from.
trap 'exit 0' TERM
while true; do
  echo "still here at $(date -u +%H:%M:%S)"
  sleep 30 &
  wait $!
done
