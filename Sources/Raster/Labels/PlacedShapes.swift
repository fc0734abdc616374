// The shapes of a label layer in the CRS of the grids that they are burnt onto.
import Geo
internal import Telemetry

/// Shapes in one CRS, each with the rectangle around it, so that a window visits only those that may meet it.
struct PlacedShapes: Sendable {
    /// Shapes in the target's CRS.
    let shapes: [LabelShape]
    /// Shapes that cannot be expressed in the target's CRS, in their own.
    let unplaced: [LabelShape]
    /// Length of a full turn in x; `nil` where x does not come round.
    let turn: Double?

    /// Reprojects shapes, edges bent as they need to be.
    ///
    /// - Parameter lineWidth: In metres on the ground; `nil` leaves lines without a width.
    init(
        _ shapes: [LabelShape], from source: CoordinateReferenceSystem, to target: CoordinateReferenceSystem,
        lineWidth: Double?
    ) throws(RasterError) {
        let transformer = try CoordinateTransformer(from: source, to: target)
        let bend = Densifier(transformer: transformer)
        let turn = SourcePlaces.turn(of: target)
        let buffer = try lineWidth.map { width throws(RasterError) in try LineBuffer(width: width, crs: target) }
        func moved(_ points: Outline) -> Outline? { transformer.isIdentity ? points : bend.apply(to: points) }
        func polygon(_ rings: [Outline]) -> [Outline]? {
            if transformer.isIdentity { return rings }
            let images = rings.compactMap(moved)
            guard images.count == rings.count else { return nil }
            guard let turn else { return images }
            return Turns.polygon(images, turn: turn)
        }
        func forms(_ form: LabelShape.Form) -> [LabelShape.Form]? {
            switch form {
            case .polygon(let rings): return polygon(rings).map { [LabelShape.Form.polygon($0)] }
            case .line(let points):
                guard var line = moved(points) else { return nil }
                if let turn { line = Turns.line(line, turn: turn) }
                guard let buffer else { return [.line(line)] }
                return buffer.bands(along: line).map { bands in bands.map { LabelShape.Form.band($0) } }
            case .point(let x, let y):
                return transformer.transform([(x, y)])[0].map { [LabelShape.Form.point(x: $0.x, y: $0.y)] }
            case .band: return nil
            }
        }
        var placed: [LabelShape] = []
        placed.reserveCapacity(shapes.count)
        var unplaced: [LabelShape] = []
        for shape in shapes {
            guard let images = forms(shape.form) else {
                unplaced.append(shape)
                continue
            }
            for image in images {
                if let shape = LabelShape(shape.value, image) { placed.append(shape) }
            }
        }
        self.shapes = placed
        self.unplaced = unplaced
        self.turn = turn
    }

    /// Calls with each shape that may meet a rectangle, and the x by which it has to be moved for it.
    func forEach(meeting box: Bounds, _ body: (_ shape: LabelShape, _ shift: Double) -> Void) {
        for shape in shapes {
            let bounds = shape.bounds
            guard bounds.minY <= box.maxY, bounds.maxY >= box.minY else { continue }
            guard let turn else {
                if bounds.minX <= box.maxX, bounds.maxX >= box.minX { body(shape, 0) }
                continue
            }
            let first = ((box.minX - bounds.maxX) / turn).rounded(.up)
            let last = ((box.maxX - bounds.minX) / turn).rounded(.down)
            guard first <= last, abs(first) < 1e3, abs(last) < 1e3 else { continue }
            for turns in Int(first)...Int(last) { body(shape, Double(turns) * turn) }
        }
    }
}
