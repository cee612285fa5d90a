using System.Text.Json.Serialization;

namespace LatentSync.Media.Video.Probing;

/// <summary>The part of ffprobe's JSON that is read. Numbers come as text or number, by ffprobe's choice of field.</summary>
internal sealed record ProbeDocument(
    [property: JsonPropertyName("streams")] IReadOnlyList<ProbeStream>? Streams,
    [property: JsonPropertyName("format")] ProbeFormat? Format,
    [property: JsonPropertyName("frames")] IReadOnlyList<ProbeFrame>? Frames,
    [property: JsonPropertyName("chapters")] IReadOnlyList<ProbeChapter>? Chapters
);

/// <summary>A chapter; times in seconds on the file's clock.</summary>
internal sealed record ProbeChapter(
    [property: JsonPropertyName("start_time")] string? StartTime,
    [property: JsonPropertyName("end_time")] string? EndTime,
    [property: JsonPropertyName("tags")] IReadOnlyDictionary<string, string>? Tags
);

/// <summary>A stream.</summary>
internal sealed record ProbeStream
{
    [JsonPropertyName("index")]
    public int Index { get; init; }

    [JsonPropertyName("codec_name")]
    public string? CodecName { get; init; }

    [JsonPropertyName("codec_tag_string")]
    public string? CodecTag { get; init; }

    [JsonPropertyName("codec_type")]
    public string? CodecType { get; init; }

    [JsonPropertyName("width")]
    public int Width { get; init; }

    [JsonPropertyName("height")]
    public int Height { get; init; }

    [JsonPropertyName("sample_aspect_ratio")]
    public string? SampleAspectRatio { get; init; }

    [JsonPropertyName("pix_fmt")]
    public string? PixelFormat { get; init; }

    [JsonPropertyName("bits_per_raw_sample")]
    public string? BitsPerRawSample { get; init; }

    [JsonPropertyName("color_range")]
    public string? ColorRange { get; init; }

    [JsonPropertyName("color_space")]
    public string? ColorSpace { get; init; }

    [JsonPropertyName("color_transfer")]
    public string? ColorTransfer { get; init; }

    [JsonPropertyName("color_primaries")]
    public string? ColorPrimaries { get; init; }

    [JsonPropertyName("field_order")]
    public string? FieldOrder { get; init; }

    [JsonPropertyName("r_frame_rate")]
    public string? BaseFrameRate { get; init; }

    [JsonPropertyName("avg_frame_rate")]
    public string? AverageFrameRate { get; init; }

    [JsonPropertyName("start_time")]
    public string? StartTime { get; init; }

    [JsonPropertyName("duration")]
    public string? Duration { get; init; }

    [JsonPropertyName("nb_frames")]
    public string? FrameCount { get; init; }

    [JsonPropertyName("nb_read_packets")]
    public string? PacketCount { get; init; }

    [JsonPropertyName("sample_fmt")]
    public string? SampleFormat { get; init; }

    [JsonPropertyName("sample_rate")]
    public string? SampleRate { get; init; }

    [JsonPropertyName("channels")]
    public int Channels { get; init; }

    [JsonPropertyName("disposition")]
    public IReadOnlyDictionary<string, int>? Disposition { get; init; }

    [JsonPropertyName("tags")]
    public IReadOnlyDictionary<string, string>? Tags { get; init; }

    [JsonPropertyName("side_data_list")]
    public IReadOnlyList<ProbeSideData>? SideData { get; init; }

    /// <summary>Whether a disposition is set: "default", "attached_pic".</summary>
    public bool Has(string disposition) => Disposition?.GetValueOrDefault(disposition) == 1;
}

/// <summary>Side data of a stream or frame; only the display matrix is of interest.</summary>
internal sealed record ProbeSideData([property: JsonPropertyName("displaymatrix")] string? DisplayMatrix);

/// <summary>A decoded frame.</summary>
internal sealed record ProbeFrame([property: JsonPropertyName("side_data_list")] IReadOnlyList<ProbeSideData>? SideData);

/// <summary>The container.</summary>
internal sealed record ProbeFormat
{
    [JsonPropertyName("format_name")]
    public string? Name { get; init; }

    [JsonPropertyName("start_time")]
    public string? StartTime { get; init; }

    [JsonPropertyName("duration")]
    public string? Duration { get; init; }

    [JsonPropertyName("tags")]
    public IReadOnlyDictionary<string, string>? Tags { get; init; }
}
