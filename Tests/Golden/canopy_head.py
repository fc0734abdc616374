"""Writes canopy_head.safetensors: metres and gradients of a tiny canopy head, computed by Hugging Face transformers.

    pip install torch transformers safetensors
    python Tests/Golden/canopy_head.py

Weights and inputs follow from a formula (`fill` of backbone.py), so that only answers are stored. Everything is computed
in double precision and stored in single. DownstreamTests reads the file; nothing here runs in CI.
"""

import os

import torch
import transformers
from backbone import fill
from safetensors.torch import save_file
from transformers import CHMv2Config
from transformers.models.chmv2.modeling_chmv2 import CHMv2FeaturesToDepth, CHMv2Head

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, POST, CHANNELS, HIDDEN, BINS = 8, [4, 8, 8, 16], 8, 4, 16


def official_name(name):
    """The published name of a parameter of the transformers head."""
    for old, new in [
        ("reassemble_stage.readout_projects", "reassemble_blocks.readout_projects"),
        ("residual_layer", "res_conv_unit"),
        ("convolution1", "conv1.conv"),
        ("convolution2", "conv2.conv"),
    ]:
        name = name.replace(old, new)
    parts = name.split(".")
    if parts[0] == "reassemble_stage":
        kind = "projects.{}.conv" if parts[3] == "projection" else "resize_layers.{}"
        return f"reassemble_blocks.{kind.format(parts[2])}.{parts[4]}"
    if parts[0] == "convs":
        return f"convs.{parts[1]}.conv.{parts[2]}"
    if parts[0] == "fusion_layers":
        rest = ["project", "conv", parts[3]] if parts[2] == "projection" else parts[2:]
        return ".".join(["fusion_blocks", parts[1]] + rest)
    return name


def main():
    config = CHMv2Config(
        backbone_config={"model_type": "dinov3_vit", "hidden_size": WIDTH, "num_attention_heads": 1},
        post_process_channels=POST, fusion_hidden_size=CHANNELS, head_hidden_size=HIDDEN,
        number_output_channels=BINS)
    head = CHMv2Head(config).double()
    parameters = {official_name(name): value for name, value in head.named_parameters()}
    with torch.no_grad():
        for number, name in enumerate(sorted(parameters)):
            parameters[name].copy_(fill(list(parameters[name].shape), 0.1 * number, 0.3))
    # An even grid, on which no implementation stretches anything.
    taps = [(fill([2, WIDTH, 4, 2], 0.2 * i, 1.0, 0.21), fill([2, WIDTH], 0.5 * i)) for i in range(4)]
    logits = head(taps, 4, 2)
    metres = CHMv2FeaturesToDepth(config)(logits)
    (metres * fill(list(metres.shape), 0.3, 1.0, 0.013)).sum().backward()
    answers = {"metres": metres, "logits": logits[:1, :, ::8, ::8]}
    for name, value in parameters.items():
        answers[f"gradient/{name}"] = value.grad
    path = os.path.join(HERE, "canopy_head.safetensors")
    save_file(
        {name: value.detach().float().contiguous() for name, value in answers.items()}, path,
        metadata={"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__})
    print(path, os.path.getsize(path), "bytes")


if __name__ == "__main__":
    main()
