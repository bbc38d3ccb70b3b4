"""A scheduled job: does its work and ends."""

import os

import greeting

print(greeting.hello(os.environ["TOPIC"]))
