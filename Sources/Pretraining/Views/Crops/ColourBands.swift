// Which bands of a tile are colours.

/// Where red, green and blue are among the bands.
package struct ColourBands: Sendable, Equatable {
    package let red: Int
    package let green: Int
    package let blue: Int

    package init(red: Int, green: Int, blue: Int) {
        self.red = red
        self.green = green
        self.blue = blue
    }

    /// Finds the three by name; `nil` unless each is there.
    package init?(names: [String]) {
        guard let red = names.firstIndex(of: "red"), let green = names.firstIndex(of: "green"),
            let blue = names.firstIndex(of: "blue")
        else { return nil }
        self.init(red: red, green: green, blue: blue)
    }
}
