using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Tracking;
using LatentSync.Media.Video.Reading;
using LatentSync.Testing;

namespace LatentSync.Media.Tests.Faces;

/// <summary>Who is followed in scenes of two and three drawn persons who enter, leave, change places and are cut to, with title cards and
/// frames in which the detector finds nothing.</summary>
public sealed class PersonFollowerTests(PersonFollowerTests.Cast cast) : IClassFixture<PersonFollowerTests.Cast>
{
    private const int Nobody = -1;

    [Fact]
    public void RandomScenes_NobodyElseIsEverTaken()
    {
        int scenes = Sweep.Size(200, part: 30);
        int wrong = 0,
            shown = 0,
            found = 0,
            onCards = 0;
        for (int seed = 0; seed < scenes; seed++)
        {
            Outcome outcome = Run(seed);
            wrong += outcome.Wrong;
            shown += outcome.Shown;
            found += outcome.Found;
            onCards += outcome.OnCards;
        }
        string figures = $"{scenes} scenes: {wrong} frames of somebody else, {onCards} on cards; {found} of {shown} frames of the person";
        Assert.True(wrong == 0 && onCards == 0, figures);
        Assert.True(found > 0.93 * shown, figures);
    }

    [Fact]
    public void Leaves_AnotherStays_TheOtherIsNeverTakenAndThePersonIsFollowedAgain()
    {
        List<(int Frame, int Who)> placed = Follow(75, i => i is < 25 or >= 60 ? [0, 1, Nobody] : [Nobody, 1, Nobody]);

        Assert.DoesNotContain(placed, frame => frame.Who != 0);
        Assert.Equal([.. Enumerable.Range(0, 25), .. Enumerable.Range(60, 15)], placed.Select(frame => frame.Frame));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(12)]
    public void Card_InsteadOfTheFace_IsNotPainted(int length)
    {
        int[] card = [Nobody, Nobody, Nobody];
        List<(int Frame, int Who)> placed = Follow(
            60,
            i => i >= 20 && i < 20 + length ? card : [0, Nobody, Nobody],
            i => i >= 20 && i < 20 + length ? 9 : 3
        );

        Assert.DoesNotContain(placed, frame => frame.Frame >= 20 && frame.Frame < 20 + length);
        Assert.True(placed.Count >= 60 - length - 1, $"{placed.Count}");
    }

    [Fact]
    public void Detector_MissesTheFaceForAMoment_IsInterpolated()
    {
        List<(int Frame, int Who)> placed = Follow(60, _ => [0, Nobody, Nobody], isMissed: (frame, _) => frame is >= 20 and < 30);

        Assert.Equal(60, placed.Count);
    }

    [Fact]
    public void Cuts_AndRanges_AreTold()
    {
        PersonFollower follower = new(new FaceTrackOptions { FaceIndex = 0 });
        for (int i = 0; i < 60; i++)
        {
            int[] who = i < 30 ? [0, 1, Nobody] : [Nobody, Nobody, 1];
            follower.Push(cast.Drawn.Frame(i, i < 30 ? 2 : 5, who), [.. Faces(i, who)]);
        }
        follower.Complete();

        Assert.Equal([30L], follower.Cuts);
        Assert.Equal([new FrameRange(0, 29)], follower.Followed.Ranges);
        PersonSightings other = Assert.Single(follower.Others);
        Assert.Equal([new FrameRange(0, 59)], other.Ranges);
    }

    private Outcome Run(int seed)
    {
        Random random = new(seed);
        int[] people = [.. Enumerable.Range(0, DrawnCast.Persons).OrderBy(_ => random.Next()).Take(random.Next(2, 4))];
        int followed = people[0];
        List<(int[] Who, int Backdrop, bool[] Missed)> frames = [];
        int shots = random.Next(3, 6);
        for (int shot = 0; shot < shots; shot++)
        {
            int[] who = [Nobody, Nobody, Nobody];
            bool isCard = shot > 0 && random.Next(5) == 0;
            if (!isCard)
            {
                int[] places = [.. Enumerable.Range(0, DrawnCast.Places).OrderBy(_ => random.Next())];
                if (shot == 0)
                {
                    places = [.. places.Order()]; // the first from the left is followed
                }
                for (int i = 0; i < people.Length; i++)
                {
                    if (shot == 0 || random.Next(3) > 0)
                    {
                        who[places[i]] = people[i];
                    }
                }
            }
            int length = isCard ? random.Next(3, 14) : random.Next(14, 32),
                backdrop = random.Next(1000),
                leaves = random.Next(3) == 0 ? random.Next(Math.Min(5, length), length + 1) : length,
                leaver = random.Next(DrawnCast.Places),
                missing = random.Next(length),
                missingPlace = random.Next(DrawnCast.Places);
            for (int i = 0; i < length; i++)
            {
                int[] now = [.. who];
                if (i >= leaves)
                {
                    now[leaver] = Nobody;
                }
                bool[] missed = new bool[DrawnCast.Places];
                missed[missingPlace] = shot + i > 0 && i >= missing && i < missing + 5;
                frames.Add((now, backdrop, missed));
            }
        }
        List<(int Frame, int Who)> placed = Follow(
            frames.Count,
            i => frames[i].Who,
            i => frames[i].Backdrop,
            (i, place) => frames[i].Missed[place]
        );
        int shown = frames.Count(frame => frame.Who.Contains(followed));
        return new Outcome(
            placed.Count(frame => frame.Who != followed && frame.Who != Nobody),
            shown,
            placed.Count(frame => frame.Who == followed),
            placed.Count(frame => frame.Who == Nobody)
        );
    }

    /// <summary>The frames in which a face is placed, and whose place that is.</summary>
    private List<(int Frame, int Who)> Follow(
        int count,
        Func<int, int[]> who,
        Func<int, int>? backdrop = null,
        Func<int, int, bool>? isMissed = null
    )
    {
        PersonFollower follower = new(new FaceTrackOptions { FaceIndex = 0 });
        List<VideoFrame> pictures = [];
        List<(int, int)> placed = [];
        for (int i = 0; i < count; i++)
        {
            int frame = i;
            VideoFrame picture = cast.Drawn.Frame(i, backdrop?.Invoke(i) ?? 3, who(i));
            pictures.Add(picture);
            Take(follower.Push(picture, [.. Faces(i, who(i), place => isMissed?.Invoke(frame, place) == true)]));
        }
        Take(follower.Complete());
        return placed;

        void Take(IReadOnlyList<TrackedFrame> decided)
        {
            foreach (TrackedFrame frame in decided)
            {
                VideoFrame picture = pictures[(int)frame.FrameIndex];
                if (frame.Face is { } face && (!face.Interpolated || face.IsShownBy(FaceSignature.Of(picture, face.Points))))
                {
                    int place = (int)(face.Points.Centre.X / DrawnCast.Side);
                    placed.Add(((int)frame.FrameIndex, who((int)frame.FrameIndex)[place]));
                }
            }
        }
    }

    private IEnumerable<DetectedFace> Faces(int index, int[] who, Func<int, bool>? isMissed = null)
    {
        for (int place = 0; place < who.Length; place++)
        {
            if (who[place] >= 0 && isMissed?.Invoke(place) != true)
            {
                yield return cast.Drawn.Face(index, who[place], place);
            }
        }
    }

    private readonly record struct Outcome(int Wrong, int Shown, int Found, int OnCards);

    /// <summary>Drawn once.</summary>
    public sealed class Cast
    {
        internal DrawnCast Drawn { get; } = new();
    }
}
