"""Clusters that nobody has: as large and as believable as wanted, the same for the same seed.

Rules of this room:

* Every draw comes from a :class:`Chance`, which only uses what is the same in every Python; names come from Faker, which
  has a seed of its own. Nothing here knows the clock, the machine or the order of a set.
* What is invented is true in mockconnect: every config passes the validation that a worker would make, tasks are as many
  as the connector would generate. What cannot be made valid is not taken.
* Nothing is quoted: names, hosts and error texts are inventions, all under a domain that cannot exist.
"""
