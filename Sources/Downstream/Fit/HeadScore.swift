// What a validation in the middle of a fit says of a head, and which head it chooses in the end.

/// How well a head does on held-out ground while it is being trained.
package struct HeadScore: Sendable {
    /// What is compared, such as `mIoU`; its name in the metrics log is in lower case.
    package var name: String
    /// The larger, the better; not a number for a head whose answers are none.
    package var value: Double
    /// More numbers for the metrics log.
    package var probes: [String: Double]
    /// The parts of the score for people: `soil 0.412, meadow 0.530`.
    package var words: String
    /// What looks wrong with the head; `nil` where nothing does.
    package var alarm: Alarm?

    /// Something that looks wrong, as the parts of an error.
    package struct Alarm: Sendable, Equatable {
        /// What was found.
        package var what: String
        /// Usual causes.
        package var causes: [String]
        /// What to do.
        package var remedy: String

        /// Makes an alarm.
        package init(what: String, causes: [String], remedy: String) {
            self.what = what
            self.causes = causes
            self.remedy = remedy
        }
    }

    /// Makes a score.
    package init(name: String, value: Double, probes: [String: Double], words: String, alarm: Alarm? = nil) {
        self.name = name
        self.value = value
        self.probes = probes
        self.words = words
        self.alarm = alarm
    }
}

/// Which of the heads that were compared is the model.
package struct HeadChoice: Sendable, Equatable {
    /// Steps after which it was as it is.
    package var step: Int
    /// Its learning rate at its height; `nil` where there was one rate alone.
    package var learningRate: Double?
    /// All rates in the recipe's order; empty where there was one alone.
    package var rates: [Rate] = []

    /// What became of one learning rate.
    package struct Rate: Sendable, Equatable {
        /// The rate at its height.
        package var learningRate: Double
        /// Its best score; `nil` where it was never scored.
        package var score: Double?
        /// Steps after which it had that.
        package var step: Int?
        /// The step, from 1, whose loss or gradient was not finite; `nil` where none was.
        package var divergedAt: Int?
    }
}
