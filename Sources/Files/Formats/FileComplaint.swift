// What is wrong with the contents of a file, before anybody knows which file it is.

/// A sentence about what is wrong with a file, on its way to the error that names the file.
package struct FileComplaint: Error {
    /// The sentence.
    package let text: String
    /// Whether bytes are missing, as after a download that broke off.
    package let isTruncation: Bool

    /// Makes a complaint.
    package init(_ text: String, isTruncation: Bool = false) {
        self.text = text
        self.isTruncation = isTruncation
    }
}
