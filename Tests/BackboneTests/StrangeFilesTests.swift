// What stands in the place of weights is named for what it is, and what wrappers left in names is taken out.
import Backbone
import Files
import Foundation
import Synchronization
import Telemetry
import Testing
import Torch

struct StrangeFilesTests {
    private static let pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:5c5c\nsize 1212559808\n"
    private static let html =
        "\u{FEFF}\n<!DOCTYPE html>\n<html><head><TITLE>Sign\n in</TITLE></head><body>restricted</body></html>\n"
    private static let xml =
        "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"

    private func error(_ path: String) throws -> any ExplainedError {
        do {
            _ = try WeightsContents.open(path)
        } catch let error as any ExplainedError {
            return error
        }
        throw BackboneError(.badWeights, "\(path) was opened")
    }

    private func write(_ bytes: some Sequence<UInt8>, _ path: String) throws {
        try FileManager.default.createDirectory(
            at: URL(filePath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: URL(filePath: path))
    }

    @Test(arguments: [
        ("a.pth", pointer, "the file is a pointer of git-lfs, not weights", "it stands for a file of 1212559808 bytes"),
        ("a.safetensors", pointer, "the file is a pointer of git-lfs, not weights", "the file's hash is sha256:5c5c"),
        ("clone/model.safetensors", pointer, "the file is a pointer of git-lfs, not weights", "1212559808 bytes"),
        ("index/model.safetensors.index.json", pointer, "the file is a pointer of git-lfs, not weights", "1212559808"),
        ("login.pth", html, "the file is a web page, not weights", "its title is 'Sign in'"),
        ("login.safetensors", html, "the file is a web page, not weights", "its title is 'Sign in'"),
        (
            "denied.pth", xml, "the file is an XML message from a server, not weights",
            "AccessDenied: Request has expired"
        ),
        (
            "error.pth", "{\"error\": \"gated repo\"}", "the file is a JSON text, not weights",
            "{\"error\": \"gated repo\"}"
        ),
        ("words.pth", "Access denied", "the file is a text file, not weights", "it begins with Access denied"),
        (
            "crlf.pth", "version https://git-lfs.github.com/spec/v1\r\noid sha256:5c\r\nsize 77\r\n",
            "the file is a pointer of git-lfs, not weights", "it stands for a file of 77 bytes"
        ),
        ("empty.pth", "", "the file is empty", ""),
        ("empty.safetensors", "", "the file is empty", ""),
        (
            "__0_0.distcp", "PK\u{3}\u{4}", "the file is one part of a distributed checkpoint of PyTorch, not weights",
            ""
        ),
        ("x.pth", "\u{1}\u{2}GGUF", "cannot read the PyTorch file", ""),
        ("llama.safetensors", "GGUF\u{3}", "the file is a GGUF file of llama.cpp, not weights", ""),
    ])
    func `a file is named for what it is`(name: String, text: String, what: String, detail: String) throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/\(name)"
            try write(text.utf8, path)
            // A folder is given where a file lies in one.
            let found = try error(name.contains("/") ? URL(filePath: path).deletingLastPathComponent().path : path)
            #expect(found.what == what)
            let said = found.causes.joined(separator: "\n")
            #expect(detail.isEmpty || said.contains(detail), "\(said)")
            #expect(found.remedy != nil && found.place == path)
        }
    }

    @Test(arguments: [
        ([0x1F, 0x8B, 0x08, 0], "compressed with gzip"), ([0x89, 0x50, 0x4E, 0x47], "a PNG image"),
        ([0x89, 0x48, 0x44, 0x46], "an HDF5 file, as Keras writes"), ([0x49, 0x49, 0x2A, 0x00], "a TIFF image"),
        ([UInt8](repeating: 0, count: 5000), "an unfinished download"),
    ])
    func `files of other programs are named`(bytes: [UInt8], what: String) throws {
        try withTemporaryFolder { folder in
            for name in ["a.pth", "a.safetensors"] {
                try write(bytes, "\(folder)/\(name)")
                #expect(try error("\(folder)/\(name)").what == "the file is \(what), not weights")
            }
        }
    }

    @Test func `a distributed checkpoint is named with the command that makes a file of it`() throws {
        try withTemporaryFolder { folder in
            let checkpoint = folder + "/step-100"
            // The first bytes of what PyTorch 2 pickles there.
            let index =
                [0x80, 0x02] + Array("ctorch.distributed.checkpoint.metadata\nMetadata\nq\u{0})\u{81}q\u{1}.".utf8)
            try write(index, checkpoint + "/.metadata")
            try write("PK\u{3}\u{4}".utf8, checkpoint + "/__0_0.distcp")
            let command = "python -m torch.distributed.checkpoint.format_utils dcp_to_torch"
            let found = try error(checkpoint)
            #expect(found.what == "the folder is a distributed checkpoint of PyTorch")
            #expect(found.remedy?.contains("\(command) '\(checkpoint)' weights.pth") == true)
            for name in [".metadata", "__0_0.distcp"] {
                #expect(try error("\(checkpoint)/\(name)").remedy?.contains("\(command) '\(checkpoint)' w") == true)
            }
            // Without its name it is known by its content.
            try write(index, folder + "/metadata.pth")
            #expect(try error(folder + "/metadata.pth").what.contains("the index of a distributed checkpoint"))
        }
    }

    @Test func `a configuration that is a page or a pointer is named too`() throws {
        try withTemporaryFolder { folder in
            try FileManager.default.copyItem(atPath: goldenPath("dinov2/plain"), toPath: folder + "/m")
            for (text, what) in [(Self.html, "a web page"), (Self.pointer, "a pointer of git-lfs")] {
                try write(text.utf8, folder + "/m/config.json")
                #expect(try error(folder + "/m").what == "the file is \(what), not a model's configuration")
            }
        }
    }

    /// Some tensors of each family, with shapes where these tell.
    @Test(arguments: [
        (["conv1.weight", "layer1.0.conv1.weight", "fc.weight"], "a ResNet"),
        (["logit_scale", "visual.conv1.weight", "visual.transformer.resblocks.0.attn.in_proj_weight"], "CLIP"),
        (["vision_model.embeddings.class_embedding", "text_model.final_layer_norm.weight"], "CLIP"),
        (["logit_scale", "logit_bias", "vision_model.head.probe"], "SigLIP"),
        (["image_encoder.blocks.0.attn.qkv.weight", "mask_decoder.iou_token.weight"], "SAM"),
        (["cls_token", "pos_embed", "blocks.0.attn.qkv.weight", "decoder_pos_embed"], "a masked autoencoder (MAE)"),
        (["cls_token", "pos_embed", "blocks.0.attn.qkv.weight"], "a plain ViT (DINO"),
        (
            ["vit.embeddings.cls_token", "vit.encoder.layer.0.attention.attention.query.weight"],
            "a plain ViT of transformers"
        ),
        (["layers.0.blocks.0.attn.relative_position_bias_table", "patch_embed.norm.weight"], "a Swin transformer"),
        (["cls_token", "pos_embed", "encoder.temporal_embed_enc.scale"], "Prithvi"),
        (["cls_token", "patch_embed.weight_generator.weight_tokens"], "DOFA or Clay"),
        (["stages.0.blocks.0.mlp.grn.weight", "stem.0.weight"], "ConvNeXt V2"),
        (["model.layers.0.self_attn.q_proj.weight"], "a language model"),
        (["reassemble_blocks.projects.0.conv.weight"], "a head of DINOv3 without its backbone"),
    ])
    func `another family is refused by its name`(names: [String], family: String) throws {
        try withTemporaryFolder { folder in
            try writeSafetensors(names.map { ($0, Tensor.zeros([1, 1, 4])) }, to: folder + "/a.safetensors")
            let found = try error(folder + "/a.safetensors")
            #expect(found.what.hasPrefix("the weights are of another family: \(family)"), "\(found.what)")
            #expect(found.remedy != nil)
        }
    }

    @Test func `a backbone beside a detector's head is no detector`() throws {
        try withTemporaryFolder { folder in
            let source = try openTensors(goldenPath("dinov2/plain.pth"))
            var tensors = try source.names.map { ("backbone.\($0)", try source.tensor($0, copy: true)) }
            tensors.append(("detector.transformer.decoder.layers.0.norm1.weight", Tensor.zeros([4])))
            try writeSafetensors(tensors, to: folder + "/a.safetensors")
            var options = WeightsOptions()
            options.heads = 2
            try expectSame(folder + "/a.safetensors", goldenPath("dinov2/plain.pth"), options)
        }
    }

    @Test(arguments: [
        ("{\"architecture\": \"mobilenetv4_conv_small\"}", "timm's 'mobilenetv4_conv_small'"),
        ("{\"model_type\": \"hiera\"}", "Hiera"), ("{\"model_type\": \"zoedepth\"}", "transformers' 'zoedepth'"),
    ])
    func `a family whose names are unknown is named by its configuration`(configuration: String, family: String) throws
    {
        try withTemporaryFolder { folder in
            try write(configuration.utf8, folder + "/config.json")
            try writeSafetensors([("stem.weight", Tensor.zeros([4]))], to: folder + "/model.safetensors")
            #expect(try error(folder).what == "the weights are of another family: \(family)")
        }
    }

    @Test(arguments: [
        ("_orig_mod.", ""), ("module.", ""), ("", "_checkpoint_wrapped_module."), ("teacher.backbone._orig_mod.", ""),
        ("_fsdp_wrapped_module.", "_fsdp_wrapped_module._checkpoint_wrapped_module."),
        ("module._orig_mod.", "_orig_mod."),
    ])
    func `what wrappers left in names is taken out, wherever it stands`(before: String, inside: String) throws {
        try withTemporaryFolder { folder in
            for (name, heads) in [("huggingface/official-eadcf0ff.pth", nil), ("dinov2/plain.pth", 2)] {
                let source = try openTensors(goldenPath(name))
                let wrapped = try source.names.map { name in
                    let parts = name.split(separator: ".", maxSplits: 2)
                    let inner =
                        parts.count == 3 && parts[0] == "blocks" ? "blocks.\(parts[1]).\(inside)\(parts[2])" : name
                    return (before + inner, try source.tensor(name, copy: true))
                }
                try writeSafetensors(wrapped, to: folder + "/a.safetensors")
                var options = WeightsOptions()
                options.heads = heads
                try expectSame(folder + "/a.safetensors", goldenPath(name), options)
            }
        }
    }

    private func expectSame(_ a: String, _ b: String, _ options: WeightsOptions) throws {
        let (a, b) = (
            try WeightsContents.open(a, options: options).network(),
            try WeightsContents.open(b, options: options).network()
        )
        #expect(a.architecture == b.architecture)
        for (x, y) in zip(a.parameters(), b.parameters()) {
            #expect(x.name == y.name && x.tensor.bytes() == y.tensor.bytes(), "\(x.name)")
        }
    }

    @Test func `blocks in chunks get their own numbers`() throws {
        try withTemporaryFolder { folder in
            let source = try openTensors(goldenPath("dinov2/plain.pth"))
            let chunked = try source.names.map { name in
                (
                    "teacher.backbone."
                        + name.replacing("blocks.0.", with: "blocks.0.0.").replacing("blocks.1.", with: "blocks.1.1."),
                    try source.tensor(name, copy: true)
                )
            }
            try writeSafetensors(chunked, to: folder + "/a.safetensors")
            var options = WeightsOptions()
            options.heads = 2
            try expectSame(folder + "/a.safetensors", goldenPath("dinov2/plain.pth"), options)
        }
    }

    @Test func `two networks that differ in their wrapper alone are refused`() throws {
        try withTemporaryFolder { folder in
            try writeSafetensors(
                [("cls_token", Tensor.zeros([1, 1, 4])), ("module.cls_token", Tensor.zeros([1, 1, 4]))],
                to: folder + "/a.safetensors")
            let found = try error(folder + "/a.safetensors")
            #expect(found.causes == ["cls_token and module.cls_token both become cls_token"])
        }
    }

    /// The statistics follow from the content, as a browser, a user or a cut download changes the name or the file.
    @Test(arguments: [
        "weights.pth.1", "dinov3_vitl16 (1).pth", "w.bin", "dinov3_vits16_pretrain_lvd1689m-08c60483.pth",
    ])
    func `a published file is known by its content, whatever its name`(name: String) throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/\(name)"
            try FileManager.default.copyItem(atPath: goldenPath("huggingface/official-eadcf0ff.pth"), toPath: path)
            let hash = try SHA256.hex(ofFile: path)
            var options = WeightsOptions()
            options.published[String(hash.prefix(8))] = .sat
            let told = Mutex<[Int]>([])
            options.willReadWholeFile = { _, bytes in told.withLock { $0.append(bytes) } }
            let known = try WeightsContents.open(path, options: options)
            // The second time its hash is known, until the file changes.
            _ = try WeightsContents.open(path, options: options)
            let bytes = try #require(FileManager.default.contents(atPath: path)).count
            #expect(told.withLock { $0 } == [bytes])
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: path)
            _ = try WeightsContents.open(path, options: options)
            #expect(told.withLock { $0.count } == 2)
            #expect(known.record.mean == InputStatistics.sat.mean && known.record.gsd == 0.6 && known.notes.isEmpty)
            #expect(try known.sha256() == hash)
        }
    }

    @Test func `a name alone makes no published file, and is only believed where the file may not be read`() throws {
        let path = goldenPath("huggingface/official-eadcf0ff.pth")
        let other = try WeightsContents.open(path)
        #expect(other.record.mean == InputStatistics.web.mean && other.record.gsd == nil)
        let hash = try SHA256.hex(ofFile: path)
        #expect(other.notes.first?.contains("ends in eadcf0ff") == true, "\(other.notes)")
        #expect(other.notes.first?.contains("begins with \(hash.prefix(8))") == true && other.notes.count == 2)
        var options = WeightsOptions()
        options.readsWholeFile = false
        let believed = try WeightsContents.open(path, options: options)
        #expect(believed.record.mean == InputStatistics.sat.mean)
        #expect(believed.notes.count == 1 && believed.notes[0].contains("was not checked"))
    }

    @Test func `a folder with the second download of a file is read`() throws {
        try withTemporaryFolder { folder in
            try FileManager.default.copyItem(
                atPath: goldenPath("huggingface/official-eadcf0ff.pth"), toPath: folder + "/w.pth.1")
            #expect(try WeightsContents.open(folder).path == folder + "/w.pth.1")
        }
    }

    /// A golden file's tensors under other names, with one more.
    private func renamed(_ golden: String, _ folder: String, beside: String? = nil, _ prefix: String) throws -> String {
        let source = try openTensors(goldenPath(golden))
        var tensors = try source.names.map { (name: prefix + $0, tensor: try source.tensor($0, copy: true)) }
        if let beside { tensors.append((beside, Tensor.zeros([2]))) }
        let path = folder + "/renamed-\(UInt64.random(in: 0 ... .max)).safetensors"
        try writeSafetensors(tensors, to: path)
        return path
    }

    @Test func `a backbone that a larger model calls its encoder is still the backbone that it is`() throws {
        try withTemporaryFolder { folder in
            let path = try renamed("huggingface/mlp/model.safetensors", folder, "model.encoder.")
            let plain = try WeightsContents.open(goldenPath("huggingface/mlp")).record.transformer(path: "")
            var options = WeightsOptions()
            options.heads = plain.heads
            let contents = try WeightsContents.open(path, options: options)
            let found = try contents.record.transformer(path: "")
            #expect(found.width == plain.width && found.depth == plain.depth && found.patchSize == plain.patchSize)
            #expect(!contents.record.architecture.hasLearnedPositions)
        }
    }
}
