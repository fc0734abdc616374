// Where the blocks of a transformer are: in memory, or on disk until their turn comes.
internal import Glibc
public import Torch

/// Where the weights of a network are while it computes.
public enum WeightsResidency: String, Sendable, CaseIterable {
    /// In memory, in the type of the computation.
    case resident
    /// In memory, the blocks' matrices laid out for the processor's products: faster on some, float32 on the CPU only, and
    /// only for evaluation.
    case packed
    /// In the file, mapped; a block is converted when its turn comes and forgotten after it. Pages that were read stay in
    /// memory as long as there is room.
    ///
    /// Gives the same bits as what `WeightsContents.residency` chooses on the same machine, by the same products.
    case mapped
    /// In the file, read past the map into memory of its own for one block at a time; the same bits as `mapped`.
    case streamed
}

/// The blocks of a network, in order.
enum BlockSource {
    case resident([TransformerBlock])
    case packed([TransformerBlock])
    case stored(StoredBlocks)

    var isResident: Bool {
        if case .resident = self { true } else { false }
    }

    /// Why a block could not be read; outputs since then are undefined.
    var failure: (any Error)? {
        if case .stored(let blocks) = self { blocks.failure } else { nil }
    }

    /// A block, converted now where it stays on disk.
    subscript(index: Int) -> TransformerBlock {
        switch self {
        case .resident(let blocks), .packed(let blocks): blocks[index]
        case .stored(let blocks): blocks.block(index)
        }
    }
}

/// Blocks that are read from a file when their turn comes.
final class StoredBlocks {
    private let contents: WeightsContents
    private let architecture: BackboneConfiguration
    private let specifications: [[ParameterSpecification]]
    private let dtype: DType
    private let device: Device
    private let isStreamed: Bool
    /// Whether blocks are laid out for the processor when their turn comes.
    private let packs: Bool
    /// Why a block could not be read; outputs since then are undefined.
    private(set) var failure: (any Error)?

    init(
        _ contents: WeightsContents, _ architecture: BackboneConfiguration, dtype: DType, device: Device,
        isStreamed: Bool, packs: Bool
    ) {
        self.contents = contents
        self.architecture = architecture
        let all = architecture.parameterSpecifications
        specifications = (0..<architecture.depth).map { block in all.filter { $0.name.hasPrefix("blocks.\(block).") } }
        self.dtype = dtype
        self.device = device
        self.isStreamed = isStreamed
        self.packs = packs
    }

    func block(_ index: Int) -> TransformerBlock {
        if index + 1 < specifications.count {
            // The disk may work on the next block while this one is computed.
            for next in specifications[index + 1] { contents.willNeed(next) }
        }
        var tensors: [String: Tensor] = [:]
        withoutGradient {
            for specification in specifications[index] {
                let type = specification.isBuffer && dtype != .float64 ? .float32 : dtype
                do {
                    tensors[specification.name] =
                        try contents.tensor(specification, copy: isStreamed).to(type).to(device)
                } catch {
                    // Names and shapes were checked when the file was opened, so the disk failed or the file was cut. A
                    // pass cannot throw; what it computes from here on is undefined, and the caller asks for the reason.
                    failure = failure ?? error
                    tensors[specification.name] = .undefined
                }
            }
        }
        let block = TransformerBlock(BackboneTensors(byName: tensors), "blocks.\(index)", architecture)
        return packs && failure == nil ? block.packed() : block
    }
}

extension WeightsContents {
    /// How to hold weights that will not be trained: in memory, unless that would take more than a quarter of the machine's,
    /// and laid out for the processor where that is faster.
    public func residency(for dtype: DType, on device: Device = .cpu) -> WeightsResidency {
        let needed = record.architecture.parameterCount * dtype.byteCount
        guard needed <= physicalMemory / 4 else { return .mapped }
        return Self.packs(dtype, on: device) ? .packed : .resident
    }

    /// Whether matrices are laid out for the processor, which has its own product: wherever the weights are, or the answer
    /// would hang on how much memory the machine has.
    static func packs(_ dtype: DType, on device: Device) -> Bool {
        dtype == .float32 && device == .cpu && PackedLinear.isPreferred
    }
}

/// Bytes of the machine's memory.
private var physicalMemory: Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }
