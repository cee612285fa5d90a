namespace LatentSync.Media.Faces.Detection;

/// <summary>Reads numbers as dlib writes them, from a stream of known length. Faults name the place in the file.</summary>
/// <remarks>An integer is a control byte and the bytes of its absolute value, the lowest first: bit 7 of the control byte is the sign, bits
/// 0 to 3 are the number of bytes, the others are 0. A floating-point number is two integers, mantissa and exponent: mantissa x 2^exponent;
/// the exponents 32000, 32001 and 32002 stand for both infinities and for what is no number. A vector is its length and its elements; a
/// matrix is its negated rows, its negated columns and its elements, row by row.</remarks>
internal sealed class DlibReader
{
    private const int LargestExponent = 1024;
    private const int BufferBytes = 1 << 20;

    private readonly Stream _stream;
    private readonly long _length;
    private readonly Func<string, FaceException> _wrong;
    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _start;
    private int _end;
    private long _position;

    /// <summary>Starts at the stream's beginning.</summary>
    /// <param name="stream">Read to its end at most; stays the caller's.</param>
    /// <param name="wrong">Makes the fault from what is wrong.</param>
    public DlibReader(Stream stream, Func<string, FaceException> wrong)
    {
        _stream = stream;
        _length = stream.Length;
        _wrong = wrong;
    }

    /// <summary>Bytes not yet read.</summary>
    public long Remaining => _length - _position;

    /// <summary>An integer.</summary>
    /// <param name="what">What it says, for messages.</param>
    public long Integer(string what)
    {
        int control = Byte(what);
        int bytes = control & 0x0F;
        if ((control & 0x70) != 0 || bytes > 8)
        {
            throw Wrong($"{what} begins with the byte 0x{control:X2}, which begins no integer");
        }
        ulong value = 0;
        for (int i = 0; i < bytes; i++)
        {
            value |= (ulong)Byte(what) << (8 * i);
        }
        if (value > long.MaxValue)
        {
            throw Wrong($"{what} does not fit into 63 bits");
        }
        return (control & 0x80) != 0 ? -(long)value : (long)value;
    }

    /// <summary>An integer within bounds.</summary>
    /// <param name="what">What it says, for messages.</param>
    /// <param name="least">Smallest value accepted.</param>
    /// <param name="most">Largest value accepted.</param>
    public int Integer(string what, int least, int most)
    {
        long value = Integer(what);
        return value >= least && value <= most
            ? (int)value
            : throw Wrong(FormattableString.Invariant($"{what} is {value}; {least} to {most} is accepted"));
    }

    /// <summary>How many elements follow: no more than the rest of the file can hold.</summary>
    /// <param name="what">What is counted, for messages.</param>
    /// <param name="least">Smallest count accepted.</param>
    /// <param name="most">Largest count accepted.</param>
    /// <param name="bytesEach">The fewest bytes of an element.</param>
    public int Count(string what, int least, int most, long bytesEach)
    {
        int count = Integer(what, least, most);
        return count * bytesEach <= Remaining
            ? count
            : throw Wrong(FormattableString.Invariant($"{what} is {count}, more than the {Remaining} bytes that are left can hold"));
    }

    /// <summary>A finite number.</summary>
    /// <param name="what">What it says, for messages.</param>
    public float Number(string what)
    {
        long mantissa = Integer(what);
        long exponent = Integer(what);
        if (exponent is < -LargestExponent or > LargestExponent)
        {
            throw Wrong(FormattableString.Invariant($"{what} has the exponent {exponent}: it is no finite number"));
        }
        float value = (float)Math.ScaleB((double)mantissa, (int)exponent);
        return float.IsFinite(value) ? value : throw Wrong($"{what} is no finite number");
    }

    /// <summary>A column of finite numbers.</summary>
    /// <param name="what">What it is, for messages.</param>
    /// <param name="into">Filled whole: the column must have as many rows.</param>
    public void Column(string what, Span<float> into)
    {
        (long rows, long columns) = Size(what);
        if (rows != into.Length || columns != 1)
        {
            throw Wrong(FormattableString.Invariant($"{what} is {rows} x {columns}; {into.Length} x 1 is required"));
        }
        Fill(what, into);
    }

    /// <summary>A column of finite numbers whose length the file says.</summary>
    /// <param name="what">What it is, for messages.</param>
    /// <param name="most">Most rows accepted.</param>
    public float[] Column(string what, int most)
    {
        (long rows, long columns) = Size(what);
        if (rows < 1 || rows > most || columns != 1 || 2 * rows > Remaining)
        {
            throw Wrong(FormattableString.Invariant($"{what} is {rows} x {columns}; 1 to {most} rows and 1 column are accepted"));
        }
        float[] values = new float[rows];
        Fill(what, values);
        return values;
    }

    // older files have positive sizes
    private (long Rows, long Columns) Size(string what) => (Math.Abs(Integer(what)), Math.Abs(Integer(what)));

    private void Fill(string what, Span<float> into)
    {
        for (int i = 0; i < into.Length; i++)
        {
            into[i] = Number(what);
        }
    }

    /// <summary>Makes the fault for this place.</summary>
    /// <param name="what">What is wrong.</param>
    public FaceException Wrong(string what) => _wrong(FormattableString.Invariant($"at byte {_position}, {what}"));

    private int Byte(string what)
    {
        if (_start == _end)
        {
            _start = 0;
            _end = _stream.Read(_buffer);
            if (_end == 0)
            {
                throw Wrong($"the file ends before {what}");
            }
        }
        _position++;
        return _buffer[_start++];
    }
}
