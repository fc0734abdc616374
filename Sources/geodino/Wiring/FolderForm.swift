// Folders of labelled images in the forms of public data sets.
#if EARTH
    import ArgumentParser
    import Scenes
    import Synth

    /// The form of a folder of labelled images.
    enum FolderForm: String, CaseIterable, ExpressibleByArgument {
        /// `Train/Urban/images_png/0.png`, `Train/Urban/masks_png/0.png` and so on.
        case loveda

        /// The legend that comes with geodino for it.
        var legend: String {
            switch self {
            case .loveda: "recipes/legends/loveda.yaml"
            }
        }

        /// What is in a folder of this form.
        func contents(of folder: String) throws -> LabelledFolder {
            switch self {
            case .loveda:
                try LabelledFolder(entries: readLoveDA(folder), gsd: synthesizedGSD(of: folder) ?? loveDAGSD)
            }
        }
    }

    /// Labelled images of a folder.
    struct LabelledFolder {
        /// The images.
        var entries: [PairEntry]
        /// Metres per pixel of those without a place.
        var gsd: Double
    }
#endif
