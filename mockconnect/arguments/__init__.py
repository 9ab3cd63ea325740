"""From what people ask for to what core takes: the arguments of ``start``, of the marker and of the command line.

Rules of this room:

* Input is what a person wrote: numbers, texts, lists and dicts. Output is :class:`Options`, complete and checked.
* Every mistake is reported at once in one :class:`OptionsError`: the argument (with the path inside it), what was
  found, what was expected, and what was probably meant. A harmless value takes the place of a wrong one meanwhile.
* ``reading`` asks for one argument after the other: ``listening`` has what is about ports, ``workers`` what is about
  single workers, ``properties`` their configuration, ``connectors`` what exists from the start. ``cluster_file`` says
  what a file means as arguments; ``values`` reads single values.
"""
