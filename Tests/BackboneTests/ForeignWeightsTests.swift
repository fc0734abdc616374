// Weights of others: what transformers saved gives transformers' answers, official files load, and conversions go there
// and back without changing a bit.
import Backbone
import Files
import Foundation
import Telemetry
import Testing
import Torch

struct ForeignWeightsTests {
    private func answers() throws -> SafetensorsFile {
        try SafetensorsFile(path: goldenPath("huggingface/answers.safetensors"))
    }

    private func check(_ network: VisionTransformer, _ tag: String, limit: Double = 1e-5) throws {
        let golden = try answers()
        let output = withoutGradient { network.forward((try? golden.tensor("images")) ?? .zeros([1])) }
        for (name, tensor) in [("cls", output.cls), ("registers", output.registers), ("patches", output.patches)] {
            guard tensor.count > 0 else { continue }
            expectParity(tensor, try golden.tensor("\(tag)/\(name)"), limit: limit, "\(tag) \(name)")
        }
    }

    @Test(arguments: ["mlp", "gated", "key-bias"])
    func `a folder of transformers gives its answers`(tag: String) throws {
        let loaded = try VisionTransformer.load(from: goldenPath("huggingface/\(tag)"))
        try check(loaded.network, tag)
        #expect(try WeightsContents.open(goldenPath("huggingface/\(tag)")).format == .huggingface)
    }

    @Test func `the processor's statistics travel with the weights, and others are said to be assumed`() throws {
        let sat = try WeightsContents.open(goldenPath("huggingface/mlp"))
        #expect(sat.record.mean == [0.43, 0.411, 0.296] && sat.record.gsd == 0.6 && sat.notes.isEmpty)
        let unknown = try WeightsContents.open(goldenPath("huggingface/gated"))
        #expect(unknown.record.mean == InputStatistics.web.mean)
        #expect(unknown.notes.count == 1 && unknown.notes[0].contains("ImageNet"))
        var options = WeightsOptions()
        options.statistics = .web
        let forced = try WeightsContents.open(goldenPath("huggingface/mlp"), options: options)
        #expect(forced.record.mean == InputStatistics.web.mean && forced.record.gsd == nil)
        #expect(forced.notes.count == 1 && forced.notes[0].contains("published with the sat statistics"))
    }

    /// The official file has the same network, a bias of k that is masked away, and rounded periods, which change the
    /// answers by a thousandth.
    @Test func `an official file is known by its tensors and by its hash`() throws {
        let path = goldenPath("huggingface/official-eadcf0ff.pth")
        var options = WeightsOptions()
        options.published[String(try SHA256.hex(ofFile: path).prefix(8))] = .sat
        let contents = try WeightsContents.open(path, options: options)
        #expect(contents.format == .official && contents.notes.isEmpty)
        #expect(contents.record.mean == InputStatistics.sat.mean && contents.record.gsd == 0.6)
        let architecture = try contents.record.transformer()
        #expect(architecture.width == 32 && architecture.depth == 2 && architecture.heads == 2)
        #expect(architecture.untieGlobalAndLocalNorms && architecture.registers == 2 && architecture.maskKBias)
        #expect(architecture.hiddenWidth == 64 && architecture.ffn == .mlp && architecture.layerScale != nil)
        let loaded = try VisionTransformer.load(from: path)
        try check(loaded.network, "mlp", limit: 2e-2)
        #expect(throws: Never.self) { try loaded.record.validate() }
    }

    /// Every tensor of some weights under its official name.
    private func tensors(_ path: String) throws -> [String: [UInt8]] {
        let network = try VisionTransformer.load(from: path).network
        return Dictionary(
            uniqueKeysWithValues: (network.parameters() + network.buffers()).map { ($0.name, $0.tensor.bytes()) })
    }

    @Test func `conversions go around and end with the same tensors`() throws {
        try withTemporaryFolder { folder in
            let official = goldenPath("huggingface/official-eadcf0ff.pth")
            let original = try openTensors(official)
            func convert(_ from: String, _ format: WeightsFormat, _ to: String) throws -> String {
                _ = try WeightsContents.open(from).convert(to: format, output: "\(folder)/\(to)")
                return "\(folder)/\(to)"
            }
            let ours = try convert(official, .geodino, "ours.safetensors")
            let theirs = try convert(ours, .huggingface, "theirs")
            let back = try convert(theirs, .official, "back.pth")
            for path in [ours, back] {
                let read = try openTensors(path)
                #expect(Set(read.names) == Set(original.names))
                for entry in original.entries {
                    #expect(read.entry(entry.name) == entry, "\(entry.name)")
                    #expect(
                        try read.tensor(entry.name, copy: true).bytes()
                            == original.tensor(entry.name, copy: true).bytes(), "\(path) \(entry.name)")
                }
            }
            let record = try WeightsContents.open(official).record
            for path in [ours, theirs, back] { #expect(try WeightsContents.open(path).record == record) }
            // transformers types its fields strictly: a float has a point or an exponent.
            let text = String(decoding: try Data(contentsOf: URL(filePath: theirs + "/config.json")), as: UTF8.self)
            for field in ["\"rope_theta\": 100.0", "\"layer_norm_eps\": 1e-05", "\"pos_embed_rescale\": 2.0"] {
                #expect(text.contains(field), "\(text)")
            }
            // What transformers sees holds no bias of k, no mask and no norm that it does not know.
            let seen = try SafetensorsFile(path: theirs + "/model.safetensors")
            #expect(!seen.names.contains { $0.contains("k_proj.bias") || $0.contains("mask.") || $0.contains("local") })
            let again = try #require(throws: BackboneError.self) {
                try WeightsContents.open(ours).convert(to: .huggingface, output: theirs)
            }
            #expect(again.code == .exists)
        }
    }

    @Test func `a folder converted onto itself keeps its tensors, also when the conversion fails`() throws {
        try withTemporaryFolder { folder in
            let model = folder + "/model"
            _ = try WeightsContents.open(goldenPath("huggingface/official-eadcf0ff.pth"))
                .convert(to: .huggingface, output: model)
            let before = try tensors(model)
            let names = try FileManager.default.contentsOfDirectory(atPath: model).sorted()
            // A folder in the place of a file that is to be written.
            let obstacle = model + "/config.json.new"
            try FileManager.default.createDirectory(atPath: obstacle + "/a", withIntermediateDirectories: true)
            let failed = try #require(throws: BackboneError.self) {
                try WeightsContents.open(model).convert(to: .huggingface, output: model, overwrite: true)
            }
            #expect(failed.code == .writeFailed && failed.place == obstacle)
            #expect(try tensors(model) == before)
            try FileManager.default.removeItem(atPath: obstacle)
            #expect(try FileManager.default.contentsOfDirectory(atPath: model).sorted() == names)
            _ = try WeightsContents.open(model).convert(to: .huggingface, output: model, overwrite: true)
            #expect(try tensors(model) == before)
            #expect(try FileManager.default.contentsOfDirectory(atPath: model).sorted() == names)
        }
    }

    @Test(
        .enabled(if: PackedLinear.isAvailable, "this libtorch was built without oneDNN"),
        arguments: [
            "huggingface/mlp", "huggingface/gated", "huggingface/key-bias", "huggingface/official-eadcf0ff.pth",
        ])
    func `packed weights give the same tokens`(name: String) throws {
        let contents = try WeightsContents.open(goldenPath(name))
        let plain = try VisionTransformer.load(contents).network
        let images = Tensor.randn([2, 3, 16, 24], generator: Generator(seed: 1))
        for packed in [try VisionTransformer.load(contents, residency: .packed).network, plain.packed()] {
            let (a, b) = withoutGradient { (packed.forward(images), plain.forward(images)) }
            for (x, y) in [(a.cls, b.cls), (a.registers, b.registers), (a.patches, b.patches)] where y.count > 0 {
                let difference = (x - y).abs().max().item()
                #expect(difference < 1e-5 * y.abs().max().item(), "\(name): \(difference)")
            }
        }
    }

    @Test(arguments: ["mlp", "gated", "key-bias"])
    func `weights of transformers come back to transformers`(tag: String) throws {
        try withTemporaryFolder { folder in
            let theirs = goldenPath("huggingface/\(tag)")
            _ = try WeightsContents.open(theirs).convert(to: .official, output: "\(folder)/a.pth")
            _ = try WeightsContents.open("\(folder)/a.pth").convert(to: .huggingface, output: "\(folder)/b")
            let before = try SafetensorsFile(path: theirs + "/model.safetensors")
            let after = try SafetensorsFile(path: "\(folder)/b/model.safetensors")
            for entry in before.entries {
                #expect(after.entry(entry.name) == entry, "\(entry.name)")
                #expect(try after.tensor(entry.name).bytes() == before.tensor(entry.name).bytes(), "\(entry.name)")
            }
            try check(VisionTransformer.load(from: "\(folder)/b").network, tag)
        }
    }

    @Test func `a teacher among other networks is found by its prefix`() throws {
        try withTemporaryFolder { folder in
            let source = try openTensors(goldenPath("huggingface/official-eadcf0ff.pth"))
            var tensors: [(name: String, tensor: Tensor)] = []
            for name in source.names {
                tensors.append(("teacher.backbone.\(name)", try source.tensor(name, copy: true)))
                tensors.append(("student.backbone.\(name)", Tensor.zeros([1])))
            }
            tensors.append(("teacher.dino_head.last_layer.weight", Tensor.zeros([8, 4])))
            try writeSafetensors(tensors, to: folder + "/teacher.safetensors")
            let loaded = try VisionTransformer.load(from: folder + "/teacher.safetensors")
            let expected = try VisionTransformer.load(from: goldenPath("huggingface/official-eadcf0ff.pth"))
            for (a, b) in zip(loaded.network.parameters(), expected.network.parameters()) {
                #expect(a.name == b.name && a.tensor.bytes() == b.tensor.bytes(), "\(a.name)")
            }
        }
    }

    @Test func `another model's configuration and tensors of no backbone are refused`() throws {
        try withTemporaryFolder { folder in
            try FileManager.default.copyItem(atPath: goldenPath("huggingface/mlp"), toPath: folder + "/m")
            let configuration = folder + "/m/config.json"
            let text = String(decoding: try Data(contentsOf: URL(filePath: configuration)), as: UTF8.self)
            func error(_ old: String, _ new: String) throws -> BackboneError {
                try Data(text.replacing(old, with: new).utf8).write(to: URL(filePath: configuration))
                return try #require(throws: BackboneError.self) { try VisionTransformer.load(from: folder + "/m") }
            }
            let mae = try error("\"dinov3_vit\"", "\"vit_mae\"")
            #expect(mae.causes == ["model_type is vit_mae; expected dinov3_vit"])
            #expect(mae.remedy?.contains("a masked autoencoder (MAE)") == true)
            #expect(
                try error("\"hidden_act\": \"gelu\"", "\"hidden_act\": \"relu\"").causes.first?.contains("relu") == true
            )
            let other = try error("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3")
            #expect(other.causes.first?.hasPrefix("missing: ") == true, "\(other)")
            try writeSafetensors([("weight", Tensor([1, 2]))], to: folder + "/x.safetensors")
            let nothing = try #require(throws: BackboneError.self) {
                try VisionTransformer.load(from: folder + "/x.safetensors")
            }
            #expect(nothing.causes == ["there is no class token [1, 1, D]"])
        }
    }

    @Test func `a ConvNeXt gives transformers' answers, and goes around the formats`() throws {
        try withTemporaryFolder { folder in
            let theirs = goldenPath("huggingface/convnext")
            let golden = try answers()
            let images = try golden.tensor("wide-images")
            func check(_ path: String) throws {
                let network = try WeightsContents.open(path).network()
                let said = withoutGradient { network.forward(images, tapping: [0, 3], normalised: true) }
                expectParity(said.output.cls, try golden.tensor("convnext/cls"), "\(path) cls")
                expectParity(said.output.patches, try golden.tensor("convnext/patches"), "\(path) patches")
                #expect(said.output.gridHeight == 2 && said.output.gridWidth == 3 && said.output.registers.count == 0)
                // Stages at strides of 4 and 32 come on a grid of 16 pixels.
                #expect(said.taps.map(\.map.shape) == [[2, 4, 4, 6], [2, 12, 4, 6]])
                expectParity(said.taps[1].cls, try golden.tensor("convnext/cls"), "\(path) tap")
            }
            try check(theirs)
            let contents = try WeightsContents.open(theirs)
            guard case .convNeXt(let architecture) = contents.record.architecture else {
                Issue.record("not known as a ConvNeXt")
                return
            }
            #expect(architecture.depths == [1, 1, 2, 1] && architecture.widths == [4, 6, 8, 12])
            _ = try contents.convert(to: .official, output: folder + "/a.pth")
            let official = try openTensors(folder + "/a.pth")
            #expect(official.entry("norms.3.weight")?.shape == [12] && official.entry("stages.2.1.dwconv.bias") != nil)
            _ = try WeightsContents.open(folder + "/a.pth").convert(to: .huggingface, output: folder + "/b")
            try check(folder + "/b")
            let (before, after) = (
                try SafetensorsFile(path: theirs + "/model.safetensors"),
                try SafetensorsFile(path: folder + "/b/model.safetensors")
            )
            #expect(Set(before.names) == Set(after.names))
            for name in before.names {
                #expect(try before.tensor(name).bytes() == after.tensor(name).bytes(), "\(name)")
            }
            let refused = try #require(throws: BackboneError.self) { try VisionTransformer.load(from: theirs) }
            #expect(refused.what == "the weights are of a ConvNeXt; expected a vision transformer")
        }
    }

    /// Gradients of every parameter against differences of the output.
    @Test func `a ConvNeXt has the right gradients`() {
        var configuration = ConvNeXtConfiguration()
        configuration.depths = [1, 1, 1, 1]
        configuration.widths = [2, 3, 4, 4]
        configuration.layerScale = 0.5
        let network = ConvNeXt(configuration, generator: Generator(seed: 3), dtype: .float64)
        let images = wave([1, 3, 32, 64], 0.3, dtype: .float64)
        for (number, parameter) in network.parameters().enumerated() {
            withoutGradient {
                _ = parameter.tensor.copy_(wave(parameter.tensor.shape, 0.1 * Double(number), 0.4, dtype: .float64))
            }
            parameter.tensor.requiresGradient = true
        }
        func loss() -> Tensor {
            let output = network.forward(images)
            return (output.patches * wave(output.patches.shape, 0.2, 1, 0.9, dtype: .float64)).sum()
                + (output.cls * wave(output.cls.shape, 0.5, 1, 0.7, dtype: .float64)).sum()
        }
        loss().backward()
        for parameter in network.parameters() {
            let gradient = parameter.tensor.gradient?.doubles() ?? []
            let flat = parameter.tensor.detached().flattened()
            let place = parameter.tensor.count / 2
            let element = flat.narrow(dim: 0, start: place, length: 1)
            let step = 1e-5
            func moved(_ by: Double) -> Double {
                withoutGradient {
                    element.copy_(element + by)
                    return loss().item()
                }
            }
            let up = moved(step)
            let down = moved(-2 * step)
            _ = moved(step)
            expectClose(
                [gradient.isEmpty ? .nan : gradient[place]], [(up - down) / (2 * step)], absolute: 1e-6, relative: 1e-4,
                parameter.name)
        }
    }

    @Test func `blocks that stay on disk give the same bits`() throws {
        try withTemporaryFolder { folder in
            for path in [goldenPath("huggingface/mlp"), goldenPath("huggingface/official-eadcf0ff.pth")] {
                // bfloat16 on disk, single precision in the computation.
                let contents = try WeightsContents.open(path)
                let half = folder + "/\(contents.format.rawValue).safetensors"
                let network = try VisionTransformer.load(contents).network
                let tensors = network.parameters() + network.buffers()
                try writeSafetensors(tensors.map { ($0.name, $0.tensor.to(.bfloat16)) }, to: half)
                let images = try answers().tensor("images")
                var said: [(residency: WeightsResidency, pass: Int, bytes: [UInt8])] = []
                let inMemory = try WeightsContents.open(half).residency(for: .float32)
                for residency in [inMemory, .mapped, .streamed] {
                    let loaded = try VisionTransformer.load(WeightsContents.open(half), residency: residency)
                    // Twice: what was given back is read again.
                    for pass in 0..<2 {
                        said.append(
                            (residency, pass, withoutGradient { loaded.network.forward(images).preNorm.bytes() }))
                    }
                }
                for answer in said.dropFirst() where answer.bytes != said[0].bytes {
                    Issue.record("\(half): \(answer.residency), pass \(answer.pass), differs from \(said[0].residency)")
                }
            }
        }
    }

    @Test func `a file that is cut while it is read is an error and no crash`() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/w.safetensors"
            let contents = try WeightsContents.open(goldenPath("huggingface/mlp"))
            _ = try contents.convert(to: .geodino, output: path)
            let network = try VisionTransformer.load(WeightsContents.open(path), residency: .streamed).network
            let images = try answers().tensor("images")
            let handle = try FileHandle(forUpdating: URL(filePath: path))
            try handle.truncate(atOffset: 9000)
            let file = try TokenFile(
                folder + "/out.safetensors", network: network, count: 2, height: 12, width: 20, options: EmbedOptions())
            let error = #expect(throws: TorchError.self) { try file.append(images) }
            #expect(error?.code == .readFailed && error?.place == path, "\(String(describing: error))")
        }
    }

    /// The official file's tensors after a change, as a file.
    private func changed(_ folder: String, _ change: (inout [String: Tensor]) -> Void) throws -> String {
        let source = try openTensors(goldenPath("huggingface/official-eadcf0ff.pth"))
        var tensors: [String: Tensor] = [:]
        for name in source.names { tensors[name] = try source.tensor(name, copy: true) }
        change(&tensors)
        let path = folder + "/changed-\(UInt64.random(in: 0 ... .max)).safetensors"
        try writeSafetensors(tensors.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, to: path)
        return path
    }

    private func outputs(_ path: String, options: WeightsOptions = WeightsOptions()) throws -> [UInt8] {
        let network = try WeightsContents.open(path, options: options).network()
        let images = try answers().tensor("images")
        return withoutGradient { network.forward(images, tapping: [], normalised: true).output.preNorm.bytes() }
    }

    @Test func `periods come from another file, and nothing else does`() throws {
        try withTemporaryFolder { folder in
            let donor = try changed(folder) {
                for name in $0.keys where name != "rope_embed.periods" { $0[name] = $0[name]?.zerosLike() }
                $0["rope_embed.periods"] = Tensor([1, 2, 4, 8])
            }
            let expected = try changed(folder) { $0["rope_embed.periods"] = Tensor([1, 2, 4, 8]) }
            var options = WeightsOptions()
            options.periods = donor
            let official = goldenPath("huggingface/official-eadcf0ff.pth")
            #expect(try outputs(official, options: options) == outputs(expected))
            #expect(try outputs(goldenPath("huggingface/mlp"), options: options) == outputs(expected))
        }
    }

    @Test func `a base other than 100 and a bias of k that counts reach transformers`() throws {
        try withTemporaryFolder { folder in
            let base = try changed(folder) { $0["rope_embed.periods"] = Tensor([1, 2.6591479, 7.0710678, 18.803015]) }
            let contents = try WeightsContents.open(base)
            #expect(try contents.record.transformer().rope.base == 50)
            _ = try contents.convert(to: .huggingface, output: folder + "/base")
            let text = String(
                decoding: try Data(contentsOf: URL(filePath: folder + "/base/config.json")), as: UTF8.self)
            #expect(text.contains("\"rope_theta\": 50.0"))
            let free = try changed(folder) { $0["rope_embed.periods"] = Tensor([1, 3, 4, 9]) }
            let refused = try #require(throws: BackboneError.self) {
                try WeightsContents.open(free).convert(to: .huggingface, output: folder + "/free")
            }
            #expect(refused.code == .badConfiguration && !FileManager.default.fileExists(atPath: folder + "/free"))

            let open = try changed(folder) {
                for name in $0.keys where name.hasSuffix("bias_mask") {
                    $0[name] = $0[name].map { Tensor.ones($0.shape, dtype: $0.dtype) }
                }
            }
            _ = try WeightsContents.open(open).convert(to: .huggingface, output: folder + "/key")
            #expect(
                String(decoding: try Data(contentsOf: URL(filePath: folder + "/key/config.json")), as: UTF8.self)
                    .contains("\"key_bias\": true"))
            let seen = try SafetensorsFile(path: folder + "/key/model.safetensors")
            #expect(try seen.tensor("layer.0.attention.k_proj.bias").floats() == Array(repeating: 0.5, count: 32))
            #expect(try outputs(folder + "/key") == outputs(open))
        }
    }

    @Test func `folders of two models, and files of another model beside one, are refused`() throws {
        try withTemporaryFolder { folder in
            let official = goldenPath("huggingface/official-eadcf0ff.pth")
            try FileManager.default.copyItem(atPath: goldenPath("huggingface/mlp"), toPath: folder + "/run")
            try FileManager.default.moveItem(
                atPath: folder + "/run/model.safetensors", toPath: folder + "/run/backbone.safetensors")
            let mixed = try #require(throws: BackboneError.self) {
                try WeightsContents.open(official).convert(to: .huggingface, output: folder + "/run", overwrite: true)
            }
            #expect(mixed.code == .exists && mixed.place.hasSuffix("backbone.safetensors"))
            // Converted, then trained on by somebody else.
            let open = try changed(folder) { $0["blocks.0.attn.qkv.bias_mask"] = Tensor.ones([96]) }
            _ = try WeightsContents.open(open).convert(to: .huggingface, output: folder + "/a")
            _ = try WeightsContents.open(official).convert(to: .huggingface, output: folder + "/b")
            let model = folder + "/b/model.safetensors"
            let file = try SafetensorsFile(path: model)
            let later = try file.names.map { name in
                (name: name, tensor: try file.tensor(name) + (name.hasSuffix("q_proj.bias") ? 1 : 0))
            }
            try writeSafetensors(later, to: model)
            let stale = try #require(throws: BackboneError.self) { try WeightsContents.open(folder + "/b") }
            #expect(stale.place.hasSuffix("geodino.safetensors") && stale.code == .badWeights)
        }
    }

    @Test func `a bias that one layer lacks, parts of two types and impossible sizes are errors`() throws {
        try withTemporaryFolder { folder in
            func copy(_ name: String, _ change: (String, Tensor) -> Tensor?) throws -> String {
                let path = folder + "/" + name
                try FileManager.default.copyItem(atPath: goldenPath("huggingface/mlp"), toPath: path)
                let file = try SafetensorsFile(path: path + "/model.safetensors")
                let tensors = try file.names.compactMap { name in
                    change(name, try file.tensor(name)).map { (name: name, tensor: $0) }
                }
                try writeSafetensors(tensors, to: path + "/model.safetensors")
                return path
            }
            func causes(_ path: String) throws -> [String] {
                try #require(throws: BackboneError.self) { try WeightsContents.open(path) }.causes
            }
            let lacking = try copy("lacking") { $0 == "layer.1.mlp.down_proj.bias" ? nil : $1 }
            #expect(try causes(lacking) == ["missing: blocks.1.mlp.fc2.bias"])
            let mixed = try copy("mixed") { $0 == "layer.0.attention.q_proj.weight" ? $1.to(.bfloat16) : $1 }
            #expect(try causes(mixed) == ["wrong shape: blocks.0.attn.qkv.weight comes in parts of different types"])
            let huge = try copy("huge") { $1 }
            let configuration = huge + "/config.json"
            let text = String(decoding: try Data(contentsOf: URL(filePath: configuration)), as: UTF8.self)
            try Data(text.replacing("\"hidden_size\": 32", with: "\"hidden_size\": 1152921504606846976").utf8)
                .write(to: URL(filePath: configuration))
            #expect(try causes(huge).first?.contains("no feed-forward layer") == true)
            var options = WeightsOptions()
            options.architecture = .preset("vits16")
            let other = try #require(throws: BackboneError.self) {
                try WeightsContents.open(goldenPath("huggingface/mlp"), options: options)
            }
            #expect(other.what.contains("not the one given with \(Setting.architecture)"))
        }
    }
}
