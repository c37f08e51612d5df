"""Pages of text become a sentence that tells nothing of the machine."""

import pytest

from export.base.error_text import LIMIT, sentence

MLIR = """Could not translate MLIR to FlatBuffer.<frozen runpy>:198:1: error: 'tf.Odd' op is odd
<frozen runpy>:88:1: note: called from
/home/ann/room/worker.py:38:1: note: called from
    serve(sys.argv[1:])
^
/home/ann/room/worker.py:17:1: note: called from
        pickle.dump(_answer(*request), replies, protocol=5)
^
<unknown>:0: error: failed while converting: 'main'"""
LOCATED = """Could not translate MLIR to FlatBuffer.<unknown>:0: error: \
loc(fused["Odd:", "block/odd"]): 'tf.Odd' op is odd
<unknown>:0: note: loc(fused["Odd:", "block/odd"]): see current operation: %9 = "tf.Odd"(%8)"""
KERAS = """Exception encountered when calling Running.call().

\x1b[1mCould not infer the shape of 'running'.\x1b[0m

Arguments received by Running.call():
  • args=('<KerasTensor shape=(None, 5)>',)"""
TRACEBACK = """Traceback (most recent call last):
  File "/home/ann/room/worker.py", line 3, in call
ValueError: the kernel is empty"""
RUNTIME = "/a/src/model.cc:123 onnxruntime::Model::Model(Proto&&) Unsupported version: 99"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (MLIR, "'tf.Odd' op is odd"),
        (LOCATED, "'tf.Odd' op is odd"),
        (LOCATED.split("FlatBuffer.")[1], "'tf.Odd' op is odd"),
        (KERAS, "Could not infer the shape of 'running'."),
        (TRACEBACK, "ValueError: the kernel is empty"),
        (RUNTIME, "onnxruntime::Model::Model(Proto&&) Unsupported version: 99"),
        ("can't open /home/ann/room/model.onnx now", "can't open model.onnx now"),
        ("node block/conv/add of shape (1/2) failed", "node block/conv/add of shape (1/2) failed"),
        ("", ""),
    ],
)
def test_the_sentence_that_matters_is_kept(text, wanted):
    assert sentence(text) == wanted


def test_long_text_ends_at_a_word():
    short = sentence("word " * 200)
    assert len(short) <= LIMIT + 4 and short.endswith("word ...")
