"""Range tests beside each other: the rate each suggests, and what 1cycle comes to with it.

The protocol, written before the runs that are published:

* Three parts of the images (`problems`). Training; validation, which a finder may read and by which
  the grid's best rate is chosen; test, the data set's own, which nothing is chosen by and on which
  every accuracy is told.
* Seeds 0 to 9. A seed is the initial weights and the order of the batches, the same for every
  finder and for the 1cycle run behind it, so differences are within a seed. The code was tried on
  seeds from 100 on.
* Every test takes 100 updates of 64 images, which Lightning, fastai and torch-lr-finder take
  unasked; nothing else is tuned, and nothing differs between data sets (`peers`, `ours`).
  Exponential tests go from 1e-7 to 10, fastai's and torch-lr-finder's own ends (Lightning's are
  1e-8 and 1); linear ones to 1, as torch-lr-finder's own example of Smith's test.
* What a library suggests is the largest rate of 1cycle as it is: from a tenth of it, up over 45 %
  of the run, down to 0 over 45 %, then a thousandth of that tenth; SGD with momentum 0.9, decay
  5e-4 (`problems.trained`). A base rate that a library suggests too is left aside.
* Beside them the best of eight constant largest rates, chosen by mean validation accuracy over
  seeds 0 to 2, run on all seeds.
* A suggestion of nothing is counted as such and has no run; differences are over the seeds where
  both have one. A run that diverges counts with the accuracy that it ends with.
* Differences are paired, with Student's 95 % intervals; a table marks those that stay decided
  after Holm's correction for all of its differences. Ours is the exponential test read by
  validation: README's example, with the ends above; the others of ours stand beside it. Half of
  what it says was added after a look at seeds 100 and 101, before ours was run on the ten.
* Cost is the images passed through the network, training and validation apart, and the processor's
  seconds of a call on one thread, the library imported and called once before, all finders in turn
  within one process, seeds 0 to 2 (`measured`).
"""

PROTOCOL = (__doc__ or "").partition("\n\n")[2].strip()  # as the published page has it
