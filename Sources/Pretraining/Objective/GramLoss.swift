// Gram anchoring: the student keeps the similarities between patches that an earlier teacher had, spec 5.5.
package import Torch

/// What becomes of negative similarities in the Gram loss.
public enum GramNegatives: String, Codable, Sendable {
    /// They count as they are.
    case kept
    /// They are 0 on both sides.
    case removed
    /// The teacher's are 0, and the student's where both are negative: opposite patches need not stay opposite.
    case removedOfTeacher = "removed_of_teacher"
    /// As the reference computes the former: it looks at the teacher's after they became 0, so that the student's stay.
    case removedOfTeacherAsPublished = "removed_of_teacher_as_published"
}

/// Which patches are compared with which in the Gram loss.
public enum GramLevel: String, Codable, Sendable {
    /// Those of one image.
    case image
    /// All of the batch, or of what counts as one device's.
    case batch
}

/// Mean squared difference of the cosine similarities between patches, spec 5.5.
///
///     L = mean over i, j of (s_i . s_j - t_i . t_j)^2,  s and t of length 1
///
/// - Parameters:
///   - student: Patch tokens, `[B, P, D]`; `[1, N, D]` for chosen patches of a batch.
///   - teacher: Those of the Gram teacher on the same grid; no gradient flows to them.
///   - level: Whether patches are compared within an image or within the batch.
///   - negatives: What becomes of negative similarities.
/// - Returns: A number.
package func gramLoss(student: Tensor, teacher: Tensor, level: GramLevel, negatives: GramNegatives) -> Tensor {
    guard student.isDefined, teacher.isDefined else { return student }
    func similarities(_ tokens: Tensor) -> Tensor {
        let exact: DType = tokens.dtype == .float64 ? .float64 : .float32
        var unit = tokens.to(exact).normalized(dim: -1, eps: 1e-12)
        if level == .batch { unit = unit.reshaped([1, -1, unit.shape[2]]) }
        return matmul(unit, unit.transpose(1, 2))
    }
    var mine = similarities(student)
    var theirs = withoutGradient { similarities(teacher.detached()) }
    switch negatives {
    case .kept: break
    case .removed:
        mine = mine.relu()
        theirs = theirs.relu()
    case .removedOfTeacher:
        let both = withoutGradient { mine.detached().less(than: 0).logicalAnd(theirs.less(than: 0)) }
        mine = mine.maskedFill(both, 0)
        theirs = theirs.relu()
    case .removedOfTeacherAsPublished: theirs = theirs.relu()
    }
    let difference = mine - theirs
    return (difference * difference).mean()
}
