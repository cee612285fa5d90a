namespace LatentSync.Chunks;

/// <summary>
/// Cuts the stream of output frames into chunks for the network. A chunk holds consecutive network frames that all have a face; it
/// ends when it is full or when a frame without a face comes, so that no placeholder ever disturbs the temporal layers.
/// </summary>
/// <typeparam name="TFace">What the network needs of a frame.</typeparam>
internal sealed class ChunkAssembler<TFace>
    where TFace : class
{
    private readonly FrameClock _clock;
    private readonly int _framesPerChunk;
    private readonly HashSet<int> _faceless = [];
    private List<int> _frames = [];
    private List<TFace> _faces = [];
    private int _chunks;
    private int _next;

    /// <summary>Starts at network frame 0.</summary>
    public ChunkAssembler(FrameClock clock, int framesPerChunk)
    {
        _clock = clock;
        _framesPerChunk = framesPerChunk;
    }

    /// <summary>Adds the next output frame.</summary>
    /// <param name="outputFrame">Index, one more than the last.</param>
    /// <param name="face">Its face; null when it has none.</param>
    /// <returns>Chunks that this frame completed.</returns>
    public IReadOnlyList<Chunk<TFace>> Add(int outputFrame, TFace? face)
    {
        List<Chunk<TFace>> complete = [];
        for (; _next < _clock.NetworkFrames && _clock.OutputFrameOf(_next) <= outputFrame; _next++)
        {
            if (face is null)
            {
                _faceless.Add(_next);
                Flush(complete);
                continue;
            }
            _frames.Add(_next);
            _faces.Add(face);
            if (_frames.Count == _framesPerChunk)
            {
                Flush(complete);
            }
        }
        return complete;
    }

    /// <summary>Ends the stream: the last, shorter chunk, if any frame is left.</summary>
    public IReadOnlyList<Chunk<TFace>> Complete()
    {
        List<Chunk<TFace>> complete = [];
        Flush(complete);
        return complete;
    }

    /// <summary>The network frame whose mouth an output frame shows; null when it lies in a stretch without a face.</summary>
    /// <remarks>A frame at the border of such a stretch takes its neighbour's mouth (at most one network frame, 40 ms, away).</remarks>
    /// <param name="outputFrame">An output frame that has a face itself.</param>
    public int? MouthFor(int outputFrame)
    {
        int nearest = Math.Min(_clock.NetworkFrameOf(outputFrame), _next - 1);
        foreach (int candidate in (ReadOnlySpan<int>)[nearest, nearest - 1, nearest + 1])
        {
            if (candidate >= 0 && candidate < _next && !_faceless.Contains(candidate))
            {
                return candidate;
            }
        }
        return null;
    }

    /// <summary>True when no later frame can change <see cref="MouthFor"/> of this one.</summary>
    public bool IsDecided(int outputFrame) => Math.Min(_clock.NetworkFrameOf(outputFrame) + 1, _clock.NetworkFrames - 1) < _next;

    private void Flush(List<Chunk<TFace>> complete)
    {
        if (_frames.Count > 0)
        {
            complete.Add(new Chunk<TFace>(_chunks++, _frames, _faces));
            _frames = [];
            _faces = [];
        }
    }
}

/// <summary>Consecutive network frames that go through the network together.</summary>
/// <param name="Index">Number of the chunk, from 0.</param>
/// <param name="NetworkFrames">Their indices.</param>
/// <param name="Faces">Their faces.</param>
internal sealed record Chunk<TFace>(int Index, IReadOnlyList<int> NetworkFrames, IReadOnlyList<TFace> Faces);
