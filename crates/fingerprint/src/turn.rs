//! A picture that was turned, and where in it lies what was upright.

/// By how much a frame was turned, and its shape before and after it is turned back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    sin: f32,
    cos: f32,
    /// Width and height of the frame, and width of the upright one, in heights of the upright one.
    frame: [f32; 2],
    upright: f32,
    /// Degrees beside the next quarter of a circle.
    rest: f32,
}

impl Turn {
    /// Of a frame of this width over height, by so many degrees.
    #[must_use]
    pub fn new(aspect: f32, degrees: f32) -> Self {
        let quarters = (degrees / 90.0).round();
        let odd = quarters.rem_euclid(2.0) != 0.0;
        let upright = if odd { 1.0 / aspect } else { aspect };
        let frame = if odd { [1.0, upright] } else { [upright, 1.0] };
        let (sin, cos) = degrees.to_radians().sin_cos();
        Self { sin, cos, frame, upright, rest: degrees - 90.0 * quarters }
    }

    /// Width over height of the upright frame.
    #[must_use]
    pub fn aspect(&self) -> f32 {
        self.upright
    }

    /// Share of the upright frame's sides within which the turned one has a picture everywhere, and
    /// the same the other way round.
    #[must_use]
    pub fn kept(&self) -> f32 {
        let (sin, cos) = self.rest.to_radians().abs().sin_cos();
        let narrow = self.upright.min(1.0 / self.upright);
        1.0 / (cos + sin / narrow)
    }

    /// Where in the frame a place of the upright one lies, both in shares of width and height from
    /// the upper left.
    #[must_use]
    pub fn to_frame(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (x, y) = ((x - 0.5) * self.upright, y - 0.5);
        let turned = [x * self.cos - y * self.sin, x * self.sin + y * self.cos];
        [0, 1].map(|i| turned[i] / self.frame[i] + 0.5)
    }

    /// The other way round.
    #[must_use]
    pub fn to_upright(&self, place: [f32; 2]) -> [f32; 2] {
        let [x, y] = [0, 1].map(|i| (place[i] - 0.5) * self.frame[i]);
        [(x * self.cos + y * self.sin) / self.upright + 0.5, y * self.cos - x * self.sin + 0.5]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_is_the_same_place() {
        for (aspect, degrees) in [(1.78, 3.0), (0.56, -7.5), (1.78, 90.0), (1.33, -95.0)] {
            let turn = Turn::new(aspect, degrees);
            for place in [[0.1, 0.2], [0.5, 0.5], [0.9, 0.3]] {
                let back = turn.to_upright(turn.to_frame(place));
                assert!((0..2).all(|i| (back[i] - place[i]).abs() < 1e-5), "{degrees}: {back:?}");
            }
            // The corners of what is kept lie within the frame, and one of them at its edge.
            let near = |share: f32| [0.5 - share / 2.0, 0.5 + share / 2.0];
            let [low, high] = near(turn.kept());
            let corners = [[low, low], [high, low], [low, high], [high, high]];
            let furthest = corners
                .iter()
                .flat_map(|&c| turn.to_frame(c))
                .map(|share| (share - 0.5).abs())
                .fold(0.0, f32::max);
            assert!((furthest - 0.5).abs() < 1e-4, "{degrees}: {furthest}");
        }
    }
}
